package import Addressing
package import JSON

/// What `/etc/docker/daemon.json` says of addresses.
package struct DockerSettings: Hashable, Sendable {
  /// Where Docker takes the networks from that it names itself.
  package var pools: [Prefix] = AddressSpace.dockerPools
  /// Nobody set the pools.
  package var arePoolsDefault = true
  /// The default bridge's network, where it is set.
  package var bridges: [Prefix] = []

  package init() {}

  /// - Throws: a sentence that names the member and what was found.
  package init(_ json: JSON) throws(PlanInputError) {
    guard json.object != nil else { throw PlanInputError("the file is no JSON object") }
    let pools = json["default-address-pools"]
    if !pools.isNull {
      self.pools = []
      arePoolsDefault = false
      for pool in pools.elements {
        guard let base = pool["base"].string else {
          throw PlanInputError("default-address-pools: expected objects with base and size, found \(pool)")
        }
        self.pools.append(try Self.prefix(base, "default-address-pools"))
      }
    }
    for key in ["bip", "bip6", "fixed-cidr", "fixed-cidr-v6"] {
      guard let text = json[key].string else { continue }
      bridges.append(try Self.prefix(text, key))
    }
  }

  private static func prefix(_ text: String, _ key: String) throws(PlanInputError) -> Prefix {
    do {
      let (address, length) = try Prefix.parseInterface(text)
      return Prefix(address, length: length)
    } catch {
      throw PlanInputError("\(key): \(error)")
    }
  }
}
