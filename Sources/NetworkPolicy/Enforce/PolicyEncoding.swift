internal import Addressing
internal import ClusterModel
internal import Netlink

/// Compiled values in the terms of nf_tables.
enum PolicyEncoding {
  static func set(_ set: PolicySet, _ family: IPFamily?, _ names: inout PolicyNames) -> NFSet {
    let address = NFDataType.address(family ?? .v4)
    let (key, flags): ([NFDataType], NFSet.Flags) =
      switch set {
      case .known, .pods: ([address], [])
      case .itself: ([address, address], [])
      case .nodeRanges, .blocks: ([address], .interval)
      case .namedPort: ([address, .inetService], [])
      case .ports: ([.inetService], [])
      }
    return NFSet(names.name(set, family), key: key, flags: flags, comment: set.comment)
  }

  /// Families in which a set exists; nil for one without.
  static func families(of set: PolicySet, _ families: [IPFamily]) -> [IPFamily?] {
    if case .ports = set { return [nil] }
    return families
  }

  static func elements(_ elements: some Sequence<PolicyElement>, _ family: IPFamily?) -> [NFElement] {
    elements.filter { $0.family == family }.flatMap { element in
      switch element {
      case .address(let address): return [NFElement(address.bytes)]
      case .pair(let address): return [NFElement(address.bytes + address.bytes)]
      case .addressPort(let address, let port):
        var key = NFKey()
        key.append(address)
        key.append(port: port)
        return [NFElement(key.bytes)]
      case .range(let range): return NFElement.interval(range.first.bytes, range.last.bytes)
      case .port(let port): return [NFElement([UInt8(port >> 8), UInt8(port & 0xFF)])]
      }
    }
  }

  /// The rules of a chain; its last one drops and counts.
  static func rules(_ chain: PolicyChain, _ rules: [PolicyRule], _ names: inout PolicyNames) -> [NFRule] {
    rules.map { rule($0, chain.direction, &names) } + [
      NFRule([.counter, .drop], comment: "isolated by \(chain.policies.map(\.description).joined(separator: ", "))")
    ]
  }

  private static func rule(_ rule: PolicyRule, _ direction: PolicyDirection, _ names: inout PolicyNames) -> NFRule {
    var statements: [NFStatement] = []
    func transport(_ transport: TransportProtocol) {
      statements.append(.match(.l4Protocol, .number(UInt64(transport.number))))
    }
    if case .set(let set) = rule.peer, let family = rule.family {
      statements.append(.match(PolicyLayout.peer(direction, family), inSet: names.name(set, family)))
    }
    let port = NFField.ctSourcePort(.reply)
    switch rule.port {
    case .any: break
    case .transport(let wanted): transport(wanted)
    case .exact(let wanted, let number):
      transport(wanted)
      statements.append(.match(port, .number(UInt64(number))))
    case .oneOf(let wanted, let numbers):
      transport(wanted)
      statements.append(.match(port, inSet: names.name(.ports(numbers), nil)))
    case .range(let wanted, let range):
      transport(wanted)
      statements.append(.ports(port, range))
    case .named(let wanted, let set):
      transport(wanted)
      let family = rule.family ?? .v4
      statements.append(.match(.ctSource(.reply, family), port, inSet: names.name(set, family)))
    }
    return NFRule(statements + [.return], comment: "\(rule.policy) \(direction)[\(rule.index)]")
  }
}
