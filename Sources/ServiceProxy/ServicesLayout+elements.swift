internal import Addressing
internal import ClusterModel
internal import Netlink

extension ServicesLayout {
  static func key(_ frontend: FrontendKey) -> NFKey {
    var key = NFKey()
    key.append(frontend.address)
    key.append(transport: frontend.transport.number)
    key.append(port: frontend.port)
    return key
  }

  /// The element of a frontend: to which chain its connections go.
  static func element(_ frontend: FrontendKey, _ state: ServiceState.Frontend) -> NFElement {
    let verdict: NFVerdict =
      if !state.slots.isEmpty {
        .goto(pickChain(state.slots.count))
      } else if state.withoutTargets == .reject {
        .goto(noEndpoints)
      } else {
        .drop
      }
    return NFElement(key(frontend).bytes, .verdict(verdict), comment: state.comment)
  }

  /// The element of one slot of a frontend.
  static func element(_ frontend: FrontendKey, slot: Int, _ target: Target) -> NFElement {
    var key = key(frontend)
    key.append(hostOrder: UInt32(slot))
    var data = NFKey()
    data.append(target.address)
    data.append(port: target.port)
    return NFElement(key.bytes, .data(data.bytes))
  }

  static func hairpinElement(_ address: IPAddress) -> NFElement { NFElement(address.bytes + address.bytes) }

  /// Reads a slot element back; nil for bytes that are none of ours.
  static func slot(_ element: NFElement, _ family: IPFamily) -> (FrontendKey, slot: Int, Target)? {
    let size = family.bits / 8
    guard element.key.count == size + 12, case .data(let data)? = element.value, data.count == size + 4,
      let address = IPAddress(bytes: element.key[..<size]), let target = IPAddress(bytes: data[..<size]),
      let transport = TransportProtocol.allCases.first(where: { $0.number == element.key[size] })
    else { return nil }
    func port(_ bytes: [UInt8], _ offset: Int) -> UInt16 { UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1]) }
    let slot = element.key.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: size + 8, as: UInt32.self) }
    return (
      FrontendKey(address, transport, port(element.key, size + 4)), Int(slot), Target(target, port(data, size))
    )
  }
}
