package import Addressing
package import JSON
internal import Linux

/// What a node's agent decides about its pods' network, and the CNI configuration that tells `swiftlet-cni` so.
package struct PodNetworkConfiguration: Hashable, Sendable {
  /// The network's name, and the file of its configuration, where the agent decides.
  package static let defaultName = "swiftlet"
  package static let fileName = "10-swiftlet.conflist"

  package var name: String
  package var bridge: String
  /// The node's pod ranges, one a family.
  package var podRanges: [Prefix]
  package var serviceRanges: [Prefix]
  package var mtu: Int
  package var wiring: WiringMode
  /// Where leases are kept, in a folder of the network's name.
  package var dataDirectory: String

  package init(
    name: String = Self.defaultName, bridge: String = "cni0", podRanges: [Prefix], serviceRanges: [Prefix], mtu: Int,
    wiring: WiringMode = .bridge, dataDirectory: String = NetworkConfiguration.defaultDataDirectory
  ) {
    self.name = name
    self.bridge = bridge
    self.podRanges = podRanges
    self.serviceRanges = serviceRanges
    self.mtu = mtu
    self.wiring = wiring
    self.dataDirectory = dataDirectory
  }

  /// The configuration of the plugin, as a list of one.
  package var list: JSON {
    let plugin: JSON = [
      "type": .string(NetworkConfiguration.pluginType), "wiring": .string(wiring.rawValue), "bridge": .string(bridge),
      "mtu": .int(Int64(mtu)),
      "serviceRanges": .array(serviceRanges.map { .string("\($0)") }),
      "ipam": [
        "type": "host-local", "dataDir": .string(dataDirectory),
        "ranges": .array(podRanges.map { [["subnet": .string("\($0)")]] }),
      ],
    ]
    return [
      "cniVersion": .string(CNIVersion.newest.rawValue), "name": .string(name), "plugins": [plugin],
    ]
  }

  /// What a runtime hands to the plugin for one call (CNI 1.1.0, section 3 "Execution of network configurations").
  package func request(previousResult: JSON = .null) -> JSON { Self.request(of: list, previousResult: previousResult) }

  /// The same for a list that was read from a file: what its first plugin of our type gets.
  package static func request(of list: JSON, previousResult: JSON = .null) -> JSON {
    var request = list["plugins"].elements.first { $0["type"].string == NetworkConfiguration.pluginType } ?? [:]
    request["cniVersion"] = list["cniVersion"]
    request["name"] = list["name"]
    request["prevResult"] = previousResult
    return request
  }

  /// Checks the configuration as the plugin will, then writes the file as a whole, if it differs from what is there.
  /// True if it was written.
  @discardableResult
  package func write(to path: String) throws -> Bool {
    _ = try NetworkConfiguration(request())
    let text = list.prettyDescription() + "\n"
    if let present = try? Files.readText(path), present == text { return false }
    try Files.makeDirectories(Files.parent(of: path))
    try Files.write(path, text)
    return true
  }
}
