internal import Addressing
internal import ClusterModel
internal import Netlink

extension ServicesLayout {
  /// The key of a frontend in sets of frontends; of a NodePort without the address.
  static func key(_ frontend: FrontendKey) -> NFKey {
    var key = NFKey()
    if !frontend.isNodePort { key.append(frontend.address) }
    key.append(transport: frontend.transport.number)
    key.append(port: frontend.port)
    return key
  }

  private static func data(_ target: Target) -> [UInt8] {
    var data = NFKey()
    data.append(target.address)
    data.append(port: target.port)
    return data.bytes
  }

  /// The map that holds a frontend's slots.
  static func slots(of frontend: FrontendKey) -> SetID {
    SetID(frontend.isNodePort ? .nodePortSlots : .slots, frontend.address.family)
  }

  /// The element of one slot of a frontend.
  static func element(_ frontend: FrontendKey, slot: Int, _ target: Target) -> NFElement {
    var key = key(frontend)
    key.append(hostOrder: UInt32(slot))
    return NFElement(key.bytes, .data(data(target)))
  }

  /// The elements of slots numbered from `first`.
  static func elements(_ frontend: FrontendKey, from first: Int, _ targets: [Target]) -> [NFElement] {
    let base = key(frontend)
    return targets.enumerated().map { index, target in
      var key = base
      key.append(hostOrder: UInt32(first + index))
      return NFElement(key.bytes, .data(data(target)))
    }
  }

  /// The element of an address in the set of cluster addresses, or of those that may be sent to themselves.
  static func element(_ address: IPAddress, _ kind: SetKind) -> NFElement {
    NFElement(kind == .hairpin ? address.bytes + address.bytes : address.bytes)
  }

  /// Everything a frontend puts into sets but its slots.
  static func elements(_ key: FrontendKey, _ frontend: ServiceState.Frontend) -> [(set: SetID, element: NFElement)] {
    let family = key.address.family
    let isNodePort = key.isNodePort
    let bytes = self.key(key).bytes
    var elements: [(set: SetID, element: NFElement)] = []
    func add(_ atAddress: SetKind, _ atNode: SetKind, _ element: NFElement) {
      elements.append((SetID(isNodePort ? atNode : atAddress, family), element))
    }
    let inside = verdict(frontend.inside, frontend.pick(key, isOutside: false))
    add(.frontends, .nodePorts, NFElement(bytes, .verdict(inside), comment: frontend.comment))
    if let choice = frontend.outside {
      let outside = verdict(choice, frontend.pick(key, isOutside: true))
      add(.outside, .outsideNodePorts, NFElement(bytes, .verdict(outside), comment: frontend.comment))
      add(.keepSource, .keepSourceNodePorts, NFElement(bytes))
    }
    for range in frontend.sourceRanges ?? [] {
      elements.append(
        (SetID(.sourceRanges, family), NFElement(range.first.bytes + bytes, to: range.last.bytes + bytes)))
    }
    if let seconds = frontend.affinityTimeout {
      add(.sticky, .stickyNodePorts, NFElement(bytes))
      let learn = ServiceClass.learnChain(seconds: seconds, isNodePort: isNodePort)
      for target in frontend.targets {
        add(.live, .liveNodePorts, NFElement(bytes + data(target), .verdict(.goto(learn))))
      }
    }
    return elements
  }

  private static func verdict(_ choice: TargetChoice, _ pick: ServiceClass.Pick?) -> NFVerdict {
    if let pick { return .goto(pick.chainName) }
    return choice.withoutTargets == .reject ? .goto(noEndpoints) : .drop
  }

  /// Reads the key of a frontend back; nil for bytes that are none of ours.
  static func frontend(_ key: [UInt8], _ family: IPFamily, nodePort: Bool) -> FrontendKey? {
    let start = nodePort ? 0 : family.bits / 8
    guard key.count == start + 8, let transport = TransportProtocol.allCases.first(where: { $0.number == key[start] })
    else { return nil }
    let port = UInt16(key[start + 4]) << 8 | UInt16(key[start + 5])
    if nodePort { return .nodePort(family, transport, port) }
    return IPAddress(bytes: key[..<start]).map { FrontendKey($0, transport, port) }
  }

  /// Reads a slot element back; nil for bytes that are none of ours.
  static func slot(_ element: NFElement, _ set: SetID) -> (FrontendKey, slot: Int, Target)? {
    let size = set.family.bits / 8
    let start = set.kind == .nodePortSlots ? 0 : size
    guard element.key.count == start + 12, case .data(let data)? = element.value, data.count == size + 4,
      let target = IPAddress(bytes: data[..<size]),
      let transport = TransportProtocol.allCases.first(where: { $0.number == element.key[start] })
    else { return nil }
    func port(_ bytes: [UInt8], _ offset: Int) -> UInt16 { UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1]) }
    let slot = element.key.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start + 8, as: UInt32.self) }
    let number = port(element.key, start + 4)
    var key = FrontendKey.nodePort(set.family, transport, number)
    if start > 0 {
      guard let address = IPAddress(bytes: element.key[..<size]) else { return nil }
      key = FrontendKey(address, transport, number)
    }
    return (key, Int(slot), Target(target, port(data, size)))
  }

  /// Reads an element of an affinity map back: whose endpoint is remembered, for which frontend.
  static func remembered(_ element: NFElement, _ family: IPFamily, nodePort: Bool) -> (FrontendKey, Target)? {
    let size = family.bits / 8
    let start = nodePort ? size : 2 * size
    guard element.key.count == start + 8, case .data(let data)? = element.value, data.count == size + 4,
      let target = IPAddress(bytes: data[..<size]),
      let transport = TransportProtocol.allCases.first(where: { $0.number == element.key[start] })
    else { return nil }
    let number = UInt16(element.key[start + 4]) << 8 | UInt16(element.key[start + 5])
    let port = UInt16(data[size]) << 8 | UInt16(data[size + 1])
    if nodePort { return (.nodePort(family, transport, number), Target(target, port)) }
    guard let address = IPAddress(bytes: element.key[size..<start]) else { return nil }
    return (FrontendKey(address, transport, number), Target(target, port))
  }
}
