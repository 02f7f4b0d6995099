package import Addressing
internal import JSON

/// A part of a subnet from which leases are given, as host-local's configuration has it, and beyond it `exclude`.
package struct LeaseRange: Hashable, Sendable {
  package let subnet: Prefix
  package let start: IPAddress
  package let end: IPAddress
  /// The node's own address on the bridge; never leased.
  package let gateway: IPAddress
  /// Addresses that are not given out by themselves, but may be asked for one by one.
  package let excluded: [AddressRange]

  /// Whether an address lies between start and end, excluded or not.
  package func contains(_ address: IPAddress) -> Bool { start <= address && address <= end }

  /// `subnet` is required; `rangeStart`, `rangeEnd` and `gateway` are host-local's; `exclude`, a list of addresses,
  /// prefixes and `FIRST-LAST`, is ours.
  init(_ json: JSON, field: String) throws(CNIError) {
    let subnet = try prefix(json["subnet"], "\(field).subnet")
    guard subnet.length <= subnet.family.bits - 2 else {
      throw CNIError(
        .invalidConfiguration,
        "\(field).subnet \(subnet) is too small: it needs room for a gateway and pods, at most /\(subnet.family.bits - 2)"
      )
    }
    func address(_ key: String, _ usual: IPAddress) throws(CNIError) -> IPAddress {
      if json[key].isNull { return usual }
      guard let address = json[key].string.flatMap({ IPAddress($0) }), subnet.contains(address) else {
        throw invalid("\(field).\(key)", json[key], "an address inside \(subnet)")
      }
      return address
    }
    let family = subnet.family
    let second = IPAddress(family, number: subnet.first.number + 1)
    let last = family == .v4 ? IPAddress(family, number: subnet.last.number - 1) : subnet.last
    self.subnet = subnet
    gateway = try address("gateway", second)
    start = try address("rangeStart", second)
    end = try address("rangeEnd", last)
    guard start <= end else {
      throw CNIError(.invalidConfiguration, "\(field): rangeStart \(start) comes after rangeEnd \(end)")
    }
    excluded = try Self.exclusions(json["exclude"], "\(field).exclude", inside: subnet)
  }

  private static func exclusions(
    _ json: JSON, _ field: String, inside subnet: Prefix
  ) throws(CNIError) -> [AddressRange] {
    if json.isNull { return [] }
    guard let elements = json.array else {
      throw invalid(field, json, "a list such as [\"\(subnet.first)\", \"\(subnet.first)-\(subnet.last)\"]")
    }
    var found: [AddressRange] = []
    for (index, element) in elements.enumerated() {
      guard let text = element.string else {
        throw invalid("\(field)[\(index)]", element, "an address, a prefix, or FIRST-LAST")
      }
      do {
        let range = try AddressRange(parsing: text)
        guard AddressRange(subnet).contains(range) else {
          throw invalid("\(field)[\(index)]", element, "addresses inside \(subnet)")
        }
        found.append(range)
      } catch let error as CNIError {
        throw error
      } catch {
        throw CNIError(.invalidConfiguration, "\(field)[\(index)]: \(error)")
      }
    }
    return found
  }
}
