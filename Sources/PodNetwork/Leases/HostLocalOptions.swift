internal import Addressing
internal import JSON
internal import Linux

/// The members of host-local's section that are not about addresses.
enum HostLocalOptions {
  /// `routes`: pods reach everything through their gateway, so that routes by it are there already, and others would be
  /// ignored, which is refused.
  static func check(routes: JSON, _ sets: [LeaseRangeSet]) throws(CNIError) {
    for (index, route) in routes.elements.enumerated() {
      let field = "ipam.routes[\(index)]"
      let destination = try prefix(route["dst"], "\(field).dst")
      guard let set = sets.first(where: { $0.family == destination.family }) else {
        throw CNIError(
          .invalidConfiguration, "\(field).dst \(destination): no range of the network is \(destination.family.name)")
      }
      if route["gw"].isNull || route["gw"] == "" { continue }
      let gateways = set.gateways.map { "\($0.address)" }
      guard let gateway = route["gw"].string.flatMap({ IPAddress($0) }), gateways.contains("\(gateway)") else {
        throw CNIError(
          .unsupportedField,
          "\(field).gw \(route["gw"]) is not supported: pods reach everything through their gateway, "
            + "\(gateways.joined(separator: " or ")); take the route out")
      }
    }
  }

  /// `resolvConf`: what a file in the form of resolv.conf(5) says, as a result's `dns`.
  static func resolver(_ json: JSON) throws(CNIError) -> JSON {
    if json.isNull || json == "" { return .null }
    guard let path = json.string else { throw invalid("ipam.resolvConf", json, "the path of a file") }
    let text: String
    do { text = try Files.readText(path) } catch {
      throw CNIError(.inputOutput, "ipam.resolvConf: \(error); name a file in the form of resolv.conf, or take it out")
    }
    return resolver(text: text)
  }

  static func resolver(text: String) -> JSON {
    var nameservers: [JSON] = []
    var options: [JSON] = []
    var dns: JSON = [:]
    for line in text.utf8.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }).map({ String(Substring($0)) }) {
      let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
      guard let keyword = words.first, words.count > 1 else { continue }
      switch keyword {
      case "nameserver": nameservers.append(.string(words[1]))
      case "domain": dns["domain"] = .string(words[1])
      // The last one counts.
      case "search": dns["search"] = .array(words.dropFirst().map { .string($0) })
      case "options": options += words.dropFirst().map { .string($0) }
      default: break
      }
    }
    if !nameservers.isEmpty { dns["nameservers"] = .array(nameservers) }
    if !options.isEmpty { dns["options"] = .array(options) }
    return dns
  }
}
