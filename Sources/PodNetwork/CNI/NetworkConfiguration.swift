package import Addressing
package import JSON

/// The configuration that the runtime hands to the plugin on standard input, checked.
package struct NetworkConfiguration: Hashable, Sendable {
  package var version: CNIVersion
  package var name: String
  package var bridge: String
  /// `wiring`, ours; absent is `bridge`.
  package var wiring: WiringMode
  /// `preventSpoofing`, ours: pods send from their own addresses only. Absent is true.
  package var preventsSpoofing: Bool
  /// The MTU of both ends of a pod's link and of the bridge; nil leaves it to the kernel (1500).
  package var mtu: Int?
  /// Where each pod gets one address from each, in order.
  package var rangeSets: [LeaseRangeSet]
  /// Ranges of Services, which the node reaches through the bridge so that its own packets to them get a pod-side source.
  package var serviceRanges: [Prefix]
  /// Leases are kept in a folder of the network's name below this one.
  package var dataDirectory: String
  /// Handed on to the runtime in the result.
  package var dns: JSON
  package var previousResult: JSON
  /// What the runtime asks for this attachment alone.
  package var runtime = RuntimeConfiguration()
  /// Whether the plugin makes the pod's link. Without `ipam` it does not: it adds host ports and bandwidth limits to the
  /// link that an earlier plugin of the list made.
  package var makesLink: Bool
  /// `cni.dev/valid-attachments` of GC; nil if there is no such member.
  package var validAttachments: [Attachment]?

  /// One interface of one container.
  package struct Attachment: Hashable, Sendable {
    package let containerID: String
    package let interfaceName: String

    package init(containerID: String, interfaceName: String) {
      self.containerID = containerID
      self.interfaceName = interfaceName
    }
  }

  package static let pluginType = "swiftlet-cni"
  package static let defaultDataDirectory = "/var/lib/cni/networks"

  /// The version that JSON names, as far as it can be told; absent is 0.1.0, which we do not speak.
  package static func version(of json: JSON) throws(CNIError) -> CNIVersion {
    let text = json["cniVersion"].string ?? "0.1.0"
    guard let version = CNIVersion(rawValue: text) else {
      let known = CNIVersion.allCases.map(\.rawValue).joined(separator: ", ")
      throw CNIError(.incompatibleVersion, "cniVersion \(text) is not supported, expected one of \(known)")
    }
    return version
  }

  /// - Parameter forRemoval: only what DEL and GC need is read, so that a configuration that has become wrong does not
  ///   keep pods from going.
  /// - Parameter withoutRanges: there may be no range yet, which STATUS tells.
  package init(_ json: JSON, forRemoval: Bool = false, withoutRanges: Bool = false) throws(CNIError) {
    guard json.object != nil else { throw CNIError(.decoding, "the network configuration is not a JSON object") }
    version = try Self.version(of: json)
    guard let name = json["name"].string, isCNIName(name) else {
      throw invalid("name", json["name"], "a network name: a letter or digit, then letters, digits, '_', '.' or '-'")
    }
    self.name = name
    bridge = try string(json["bridge"], "bridge") ?? "cni0"
    if let reason = interfaceNameProblem(bridge) {
      throw CNIError(.invalidConfiguration, "bridge \"\(bridge)\" is no interface name: \(reason)")
    }
    wiring = try Self.wiring(json["wiring"], forRemoval: forRemoval)
    preventsSpoofing = json["preventSpoofing"] != false
    let ipam = json["ipam"]
    dataDirectory = try string(ipam["dataDir"], "ipam.dataDir") ?? Self.defaultDataDirectory
    dns = json["dns"]
    previousResult = json["prevResult"]
    validAttachments = json["cni.dev/valid-attachments"].array?.compactMap { item in
      guard let id = item["containerID"].string, let interface = item["ifname"].string else { return nil }
      return Attachment(containerID: id, interfaceName: interface)
    }
    makesLink = !ipam.isNull
    mtu = nil
    rangeSets = []
    serviceRanges = []
    if forRemoval {
      // Which of the node's addresses are still its own; whoever cannot be told that removes none of them.
      rangeSets = (try? LeaseRangeSet.sets(ipam: ipam, areRequired: false)) ?? []
      return
    }
    try refuseUnsupported(json)
    runtime = try RuntimeConfiguration(json)
    if !runtime.dns.isNull { dns = runtime.dns }

    if !json["mtu"].isNull, json["mtu"] != 0 {
      guard let mtu = json["mtu"].int, (68...65535).contains(mtu) else {
        throw invalid("mtu", json["mtu"], "a number from 68 to 65535")
      }
      self.mtu = mtu
    }
    if !makesLink { return }
    guard ipam["type"].string == "host-local" else {
      throw invalid("ipam.type", ipam["type"], "\"host-local\", whose lease folder this plugin keeps itself")
    }
    rangeSets =
      runtime.rangeSets
      + (try LeaseRangeSet.sets(ipam: ipam, areRequired: runtime.rangeSets.isEmpty && !withoutRanges))
    try HostLocalOptions.check(routes: ipam["routes"], rangeSets)
    if dns.members.isEmpty { dns = try HostLocalOptions.resolver(ipam["resolvConf"]) }
    for (index, element) in json["serviceRanges"].elements.enumerated() {
      serviceRanges.append(try prefix(element, "serviceRanges[\(index)]"))
    }
    try checkOverlaps()
    if let mtu, mtu < 1280, rangeSets.contains(where: { $0.family == .v6 }) {
      throw CNIError(.invalidConfiguration, "mtu \(mtu) is too small for IPv6, which needs 1280 (RFC 8200 section 5)")
    }
  }

  /// Members of Debian's `bridge` that would make another network of it, so that ignoring them would be a lie.
  private func refuseUnsupported(_ json: JSON) throws(CNIError) {
    for field in ["vlan", "vlanTrunk", "promiscMode"] {
      let value = json[field]
      if value.isNull || value == false || value == 0 || value == [] { continue }
      throw CNIError(.unsupportedField, "\(field): \(value) is not supported by this plugin; take it out")
    }
  }

  private static func wiring(_ json: JSON, forRemoval: Bool) throws(CNIError) -> WiringMode {
    if json.isNull { return .bridge }
    if let mode = json.string.flatMap(WiringMode.init) { return mode }
    if forRemoval { return .bridge }
    throw invalid("wiring", json, WiringMode.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", "))
  }

  private func checkOverlaps() throws(CNIError) {
    var named: [(field: String, prefix: Prefix)] = []
    for (set, ranges) in rangeSets.enumerated() {
      for (index, range) in ranges.ranges.enumerated() {
        named.append(("ipam.ranges[\(set)][\(index)].subnet", range.subnet))
      }
    }
    for (index, range) in serviceRanges.enumerated() { named.append(("serviceRanges[\(index)]", range)) }
    for (index, first) in named.enumerated() {
      for second in named[(index + 1)...] where first.prefix.overlaps(second.prefix) {
        // Parts of one subnet may be given as ranges of one set; the set itself checks that they are disjoint.
        if first.prefix == second.prefix, first.field.hasPrefix("ipam"), second.field.hasPrefix("ipam"),
          first.field.prefix(while: { $0 != "]" }) == second.field.prefix(while: { $0 != "]" })
        {
          continue
        }
        throw CNIError(
          .invalidConfiguration,
          "\(first.field) \(first.prefix) and \(second.field) \(second.prefix) overlap; choose ranges that do not")
      }
    }
  }
}

func invalid(_ field: String, _ found: JSON, _ expected: String) -> CNIError {
  CNIError(
    .invalidConfiguration, "\(field) \(found.isNull ? "is missing" : "is \(found)"), expected \(expected)")
}

private func string(_ json: JSON, _ field: String) throws(CNIError) -> String? {
  if json.isNull { return nil }
  guard let text = json.string, !text.isEmpty else { throw invalid(field, json, "a string") }
  return text
}

func prefix(_ json: JSON, _ field: String) throws(CNIError) -> Prefix {
  guard let text = json.string else { throw invalid(field, json, "a prefix such as \"10.244.1.0/24\"") }
  do { return try Prefix(parsing: text) } catch { throw CNIError(.invalidConfiguration, "\(field): \(error)") }
}
