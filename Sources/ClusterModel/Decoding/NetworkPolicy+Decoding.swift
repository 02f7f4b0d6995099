internal import Addressing
internal import JSON
internal import Kubernetes

extension NetworkPolicy: APIDecodable {
  package static var kind: String { "NetworkPolicy" }

  /// Defaults: `policyTypes` absent means Ingress, and Egress too where there are egress rules; an absent `podSelector`
  /// selects every pod of the namespace. A part that is wrong must never allow more than a sound one: a rule all of whose
  /// peers (or ports) are wrong is left out, because without them it would mean "any".
  package init(reading reader: inout ObjectReader) throws(ModelError) {
    let spec = reader.json["spec"]
    self.init(
      id: reader.id, selector: try reader.labelSelector(spec["podSelector"], "spec.podSelector"))
    var types: Set<String> = []
    for (index, type) in spec["policyTypes"].elements.enumerated() {
      if let text = type.string, text == "Ingress" || text == "Egress" {
        types.insert(text)
      } else {
        reader.warn("spec.policyTypes[\(index)]", type, expected: "Ingress or Egress")
      }
    }
    if types.isEmpty { types = spec["egress"].elements.isEmpty ? ["Ingress"] : ["Ingress", "Egress"] }
    if types.contains("Ingress") { ingress = Self.rules(spec["ingress"], "spec.ingress", peers: "from", &reader) }
    if types.contains("Egress") { egress = Self.rules(spec["egress"], "spec.egress", peers: "to", &reader) }
  }

  private static func rules(
    _ list: JSON, _ path: String, peers field: String, _ reader: inout ObjectReader
  ) -> [Rule] {
    var rules: [Rule] = []
    for (index, entry) in list.elements.enumerated() {
      var rule = Rule()
      let (peers, ports) = (entry[field].elements, entry["ports"].elements)
      for (position, value) in peers.enumerated() {
        if let peer = peer(value, "\(path)[\(index)].\(field)[\(position)]", &reader) { rule.peers.append(peer) }
      }
      for (position, value) in ports.enumerated() {
        if let port = port(value, "\(path)[\(index)].ports[\(position)]", &reader) { rule.ports.append(port) }
      }
      if rule.peers.isEmpty == peers.isEmpty, rule.ports.isEmpty == ports.isEmpty { rules.append(rule) }
    }
    return rules
  }

  private static func peer(_ value: JSON, _ path: String, _ reader: inout ObjectReader) -> Peer? {
    let block = value["ipBlock"]
    let (pods, namespaces) = (value["podSelector"], value["namespaceSelector"])
    if !block.isNull {
      guard pods.isNull, namespaces.isNull else {
        reader.warn(path, value, expected: "either ipBlock or selectors")
        return nil
      }
      return self.block(block, path + ".ipBlock", &reader)
    }
    guard !pods.isNull || !namespaces.isNull else {
      reader.warn(path, value, expected: "podSelector, namespaceSelector or ipBlock")
      return nil
    }
    do {
      let selector = try reader.labelSelector(pods, path + ".podSelector")
      return .pods(
        selector: selector,
        namespaces: namespaces.isNull
          ? nil : try reader.labelSelector(namespaces, path + ".namespaceSelector"))
    } catch {
      reader.warn(error)
      return nil
    }
  }

  private static func block(_ value: JSON, _ path: String, _ reader: inout ObjectReader) -> Peer? {
    guard let range = reader.prefix(value["cidr"], path + ".cidr") else { return nil }
    var except: [Prefix] = []
    for (index, entry) in value["except"].elements.enumerated() {
      // An exception that cannot be read would open what it was to keep closed: the whole block goes.
      guard let inner = reader.prefix(entry, path + ".except[\(index)]") else { return nil }
      guard range.contains(inner), inner.length > range.length else {
        reader.warn(path + ".except[\(index)]", entry, expected: "a strict part of \(range)")
        return nil
      }
      except.append(inner)
    }
    return .block(range, except: except)
  }

  private static func port(_ value: JSON, _ path: String, _ reader: inout ObjectReader) -> Port? {
    guard let transport = reader.transport(value["protocol"], path + ".protocol") else { return nil }
    var port = Port(transport: transport)
    if !value["port"].isNull {
      guard let reference = reader.portReference(value["port"], path + ".port") else { return nil }
      port.port = reference
    }
    guard !value["endPort"].isNull else { return port }
    guard let end = reader.port(value["endPort"], path + ".endPort") else { return nil }
    guard case .number(let start) = port.port, start <= end else {
      reader.warn(path + ".endPort", value["endPort"], expected: "a numeric port beside it that is not greater")
      return nil
    }
    port.endPort = end
    return port
  }
}
