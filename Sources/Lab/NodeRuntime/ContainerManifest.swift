package import JSON

/// A container of a Pod object as the node runtime reads it.
package struct ContainerManifest: Sendable {
  package let object: JSON
  let isInit: Bool

  package init(_ object: JSON, isInit: Bool = false) {
    self.object = object
    self.isInit = isInit
  }

  package var name: String { object["name"].string ?? "" }
  var image: String { object["image"].string ?? "" }
  /// An init container that goes on beside the others: `restartPolicy: Always` (KEP-753).
  var isSidecar: Bool { isInit && object["restartPolicy"].string == "Always" }
  var command: [String] { object["command"].elements.compactMap(\.string) }
  var arguments: [String] { object["args"].elements.compactMap(\.string) }

  /// A port of `ports`.
  struct Port: Equatable {
    var name: String
    var number: UInt16
    /// TCP, UDP or SCTP.
    var transport: String
    var hostPort: UInt16?
    var hostAddress: String?
  }

  var ports: [Port] {
    object["ports"].elements.compactMap { port in
      guard let number = port["containerPort"].int.flatMap(UInt16.init(exactly:)) else { return nil }
      return Port(
        name: port["name"].string ?? "", number: number, transport: port["protocol"].string ?? "TCP",
        hostPort: port["hostPort"].int.flatMap(UInt16.init(exactly:)), hostAddress: port["hostIP"].string)
    }
  }

  /// The number a probe's port means: itself, digits, or the name of a port of this container.
  func portNumber(_ value: JSON) -> UInt16? {
    if let number = value.int { return UInt16(exactly: number) }
    guard let text = value.string else { return nil }
    return UInt16(text) ?? ports.first { $0.name == text }?.number
  }

  func probe(_ kind: ProbeKind) -> ProbeManifest? {
    let value = object[kind.field]
    return value.isNull ? nil : ProbeManifest(value, kind, self)
  }
}
