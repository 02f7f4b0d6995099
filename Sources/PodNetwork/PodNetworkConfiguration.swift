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
  ///
  /// A runtime takes the newest version it knows of `cniVersions`; one that does not know that member, as those of before
  /// CNI 1.1.0, takes `cniVersion`.
  package var list: JSON {
    let plugin: JSON = [
      "type": .string(NetworkConfiguration.pluginType), "wiring": .string(wiring.rawValue), "bridge": .string(bridge),
      "mtu": .int(Int64(mtu)),
      "capabilities": [
        "portMappings": true, "bandwidth": true, "ips": true, "mac": true, "aliases": true, "dns": true,
      ],
      "serviceRanges": .array(serviceRanges.map { .string("\($0)") }),
      "ipam": [
        "type": "host-local", "dataDir": .string(dataDirectory),
        "ranges": .array(podRanges.map { [["subnet": .string("\($0)")]] }),
      ],
    ]
    return [
      "cniVersion": .string(CNIVersion.v1_0_0.rawValue),
      "cniVersions": .array([CNIVersion.v0_4_0, .v1_0_0, .v1_1_0].map { .string($0.rawValue) }),
      "name": .string(name), "plugins": [plugin],
    ]
  }

  /// What a runtime of the newest version hands to the plugin for one call (CNI 1.1.0, section 3 "Execution of network
  /// configurations").
  package func request(previousResult: JSON = .null) -> JSON { Self.request(of: list, previousResult: previousResult) }

  /// The same for a list that was read from a file: what its first plugin of our type gets.
  package static func request(of list: JSON, previousResult: JSON = .null) -> JSON {
    var request = list["plugins"].elements.first { $0["type"].string == NetworkConfiguration.pluginType } ?? [:]
    request["capabilities"] = .null
    let offered = list["cniVersions"].elements.compactMap { $0.string.flatMap(CNIVersion.init(rawValue:)) }
    request["cniVersion"] = offered.max().map { .string($0.rawValue) } ?? list["cniVersion"]
    request["name"] = list["name"]
    request["prevResult"] = previousResult
    return request
  }

  /// Checks the configuration as the plugin will, then writes the file as a whole, if it differs from what is there.
  /// True if it was written.
  ///
  /// Plugins that an operator put before or after ours stay in their places. What is no configuration, such as the part
  /// of one that a full disk left, is replaced. A list without our plugin is somebody else's network: it is refused.
  @discardableResult
  package func write(to path: String) throws -> Bool {
    _ = try NetworkConfiguration(request())
    let present = try? Files.readText(path)
    let text = try merged(into: present, path).prettyDescription() + "\n"
    if text == present { return false }
    try Files.makeDirectories(Files.parent(of: path))
    try Files.write(path, text, durable: true)
    return true
  }

  /// Our list with the plugins of others that the file has.
  private func merged(into text: String?, _ path: String) throws -> JSON {
    var list = self.list
    guard let text, let present = try? JSON(parsing: Array(text.utf8)), var plugins = present["plugins"].array,
      !plugins.isEmpty
    else { return list }
    guard let position = plugins.firstIndex(where: { $0["type"].string == NetworkConfiguration.pluginType }) else {
      let types = plugins.compactMap { $0["type"].string }.joined(separator: ", ")
      throw CNIError(
        .invalidConfiguration,
        "\(path) is the network \"\(present["name"].string ?? "")\" of other plugins (\(types)); "
          + "move it away, and the node's own network is written there")
    }
    plugins[position] = list["plugins"][0]
    list["plugins"] = .array(plugins)
    return list
  }
}
