package import Addressing
internal import JSON

/// A port of the node that leads to a port of a pod: an element of the capability `portMappings` (CNI conventions).
package struct PortMapping: Hashable, Sendable {
  package enum Transport: UInt8, Hashable, Sendable, CaseIterable {
    case tcp = 6
    case udp = 17
    case sctp = 132

    package var name: String {
      switch self {
      case .tcp: "tcp"
      case .udp: "udp"
      case .sctp: "sctp"
      }
    }
  }

  package var transport: Transport
  package var hostPort: UInt16
  package var containerPort: UInt16
  /// The node's address it is reached at; nil is every one of both families. An unspecified address (`0.0.0.0`, `::`) is
  /// every one of its family.
  package var hostAddress: IPAddress?

  package init(_ transport: Transport, hostPort: UInt16, containerPort: UInt16, hostAddress: IPAddress? = nil) {
    self.transport = transport
    self.hostPort = hostPort
    self.containerPort = containerPort
    self.hostAddress = hostAddress
  }

  /// The families it is for.
  package var families: [IPFamily] { hostAddress.map { [$0.family] } ?? IPFamily.allCases }

  /// The mappings of a list. Those without a host port (0) are none; the same one given twice counts once.
  static func list(_ json: JSON, _ field: String) throws(CNIError) -> [PortMapping] {
    if json.isNull { return [] }
    guard let items = json.array else { throw invalid(field, json, "a list of port mappings") }
    var mappings: [PortMapping] = []
    for (index, item) in items.enumerated() {
      let field = "\(field)[\(index)]"
      func port(_ key: String) throws(CNIError) -> UInt16 {
        guard let number = item[key].int, (0...65535).contains(number) else {
          throw invalid("\(field).\(key)", item[key], "a port number from 1 to 65535")
        }
        return UInt16(number)
      }
      let hostPort = item["hostPort"].isNull ? 0 : try port("hostPort")
      if hostPort == 0 { continue }
      let containerPort = try port("containerPort")
      guard containerPort != 0 else {
        throw invalid("\(field).containerPort", item["containerPort"], "a port number from 1 to 65535")
      }
      let name = (item["protocol"].string ?? "").lowercased()
      guard let transport = name.isEmpty ? .tcp : Transport.allCases.first(where: { $0.name == name }) else {
        throw invalid("\(field).protocol", item["protocol"], "tcp, udp or sctp")
      }
      var address: IPAddress?
      if let text = item["hostIP"].string, !text.isEmpty {
        do { address = try IPAddress(parsing: text) } catch {
          throw CNIError(.invalidConfiguration, "\(field).hostIP: \(error)")
        }
      }
      let mapping = PortMapping(transport, hostPort: hostPort, containerPort: containerPort, hostAddress: address)
      if mappings.contains(mapping) { continue }
      if let other = mappings.first(where: { $0.claims(theSameAs: mapping) }) {
        throw CNIError(
          .invalidConfiguration, "\(field): \(mapping) and \(other) are the same port of the node; keep one of them")
      }
      mappings.append(mapping)
    }
    return mappings
  }

  /// Whether both could not be had at once, as two sockets could not.
  package func claims(theSameAs other: PortMapping) -> Bool {
    guard hostPort == other.hostPort, transport == other.transport else { return false }
    guard let mine = hostAddress, let its = other.hostAddress else { return true }
    return mine.family == its.family && (mine == its || mine.isUnspecified || its.isUnspecified)
  }
}

extension PortMapping: CustomStringConvertible {
  /// `8080/tcp`, or with its address `192.0.2.1:8080/tcp`.
  package var description: String {
    let port = hostAddress.map { "\(AddressAndPort($0, hostPort))" } ?? "\(hostPort)"
    return "\(port)/\(transport.name) to \(containerPort)"
  }
}
