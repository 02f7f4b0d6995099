package import Addressing

/// One port of the node, in one family, and the pod it leads to: what the table holds.
package struct HostPortEntry: Hashable, Sendable {
  package var transport: PortMapping.Transport
  package var hostPort: UInt16
  package var containerPort: UInt16
  /// The node's address; nil is every one of the family.
  package var hostAddress: IPAddress?
  /// The pod's.
  package var podAddress: IPAddress
  package var owner: HostPortOwner

  package var family: IPFamily { podAddress.family }

  /// What mappings mean for a pod's addresses: one entry a mapping and family. A mapping to an address of a family the pod
  /// has no address of is an error.
  package static func compile(
    _ mappings: [PortMapping], addresses: [IPAddress], owner: HostPortOwner
  ) throws(CNIError) -> [HostPortEntry] {
    var entries: [HostPortEntry] = []
    for mapping in mappings {
      var isServed = false
      for family in mapping.families {
        guard let pod = addresses.first(where: { $0.family == family }) else { continue }
        isServed = true
        let address = mapping.hostAddress.flatMap { $0.isUnspecified ? nil : $0 }
        entries.append(
          HostPortEntry(
            transport: mapping.transport, hostPort: mapping.hostPort, containerPort: mapping.containerPort,
            hostAddress: address, podAddress: pod, owner: owner))
      }
      guard isServed else {
        let families = mapping.families.map(\.name).joined(separator: " or ")
        throw CNIError(
          .invalidConfiguration,
          "host port \(mapping): the pod has no \(families) address; leave hostIP out, or give the network such a range"
        )
      }
    }
    return entries
  }

  /// Whether both want the same port of the node, as two sockets would.
  package func claims(theSameAs other: HostPortEntry) -> Bool {
    hostPort == other.hostPort && transport == other.transport && family == other.family
      && (hostAddress == nil || other.hostAddress == nil || hostAddress == other.hostAddress)
  }

  /// `192.0.2.1:80/tcp`, or `80/tcp`.
  package var described: String {
    (hostAddress.map { "\(AddressAndPort($0, hostPort))" } ?? "\(hostPort)") + "/\(transport.name)"
  }
}
