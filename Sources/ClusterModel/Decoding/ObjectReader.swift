package import Addressing
package import JSON

/// One API object while it is decoded: its name, and the warnings so far.
///
/// Paths are made only when something is wrong, so that decoding a sound object builds no text.
package struct ObjectReader {
  package let json: JSON
  package let kind: String
  /// The namespace is empty for objects of the whole cluster.
  package let id: NamespacedName
  /// How many parts of one object are named: each becomes an Event, and an object may have ten thousand ports.
  package static let mostWarnings = 10

  /// The first of them.
  package private(set) var warnings: [ModelError] = []
  private var furtherWarnings = 0

  /// Throws where the object has no name.
  package init(_ json: JSON, kind: String) throws(ModelError) {
    let metadata = json["metadata"]
    guard let name = metadata["name"].string, !name.isEmpty else {
      throw ModelError(
        object: kind, field: "metadata.name", found: Self.excerpt(metadata["name"]), expected: "the object's name")
    }
    self.json = json
    self.kind = kind
    id = NamespacedName(metadata["namespace"].string ?? "", name)
  }

  /// `Kind namespace/name`, or `Kind name` for objects of the whole cluster.
  package var object: String { id.namespace.isEmpty ? "\(kind) \(id.name)" : "\(kind) \(id)" }

  package var labels: [String: String] { json["metadata", "labels"].stringMap }
  package var annotations: [String: String] { json["metadata", "annotations"].stringMap }

  /// An error about a field of this object, with an excerpt of what was found there.
  package func error(_ field: String, _ found: JSON, expected: String) -> ModelError {
    ModelError(object: object, field: field, found: Self.excerpt(found), expected: expected)
  }

  /// Notes that a field was read as absent, and why.
  package mutating func warn(_ field: String, _ found: JSON, expected: String) {
    // Without the text of those that are not kept.
    if warnings.count == Self.mostWarnings {
      furtherWarnings += 1
    } else {
      warn(error(field, found, expected: expected))
    }
  }

  /// One warning for all that are beyond `mostWarnings`; nil if none is.
  package var unlistedWarnings: ModelError? {
    guard furtherWarnings > 0, let last = warnings.last else { return nil }
    return ModelError(
      object: object, field: last.field, found: "\(furtherWarnings) more fields that are wrong",
      expected: "none; those after this one are not listed")
  }

  package mutating func warn(_ error: ModelError) {
    if warnings.count == Self.mostWarnings { furtherWarnings += 1 } else { warnings.append(error) }
  }

  /// An address; nil and a warning where the value is none.
  package mutating func address(_ value: JSON, _ field: @autoclosure () -> String) -> IPAddress? {
    guard let text = value.string else {
      warn(field(), value, expected: "an IP address")
      return nil
    }
    do { return try IPAddress(parsing: text) } catch {
      warn(field(), value, expected: "an IP address (character \(error.offset + 1): \(error.reason))")
      return nil
    }
  }

  /// A range in CIDR notation; host bits are masked as the API server's older fields allow them. nil and a warning where
  /// the value is none.
  package mutating func prefix(_ value: JSON, _ field: @autoclosure () -> String) -> Prefix? {
    guard let text = value.string else {
      warn(field(), value, expected: "a range in CIDR notation")
      return nil
    }
    do {
      let (address, length) = try Prefix.parseInterface(Self.trimmed(text))
      return Prefix(address, length: length)
    } catch {
      warn(field(), value, expected: "a range in CIDR notation (character \(error.offset + 1): \(error.reason))")
      return nil
    }
  }

  /// A port number; nil and a warning where the value is none.
  package mutating func port(_ value: JSON, _ field: @autoclosure () -> String) -> UInt16? {
    if let number = value.int, let port = UInt16(exactly: number), port > 0 { return port }
    warn(field(), value, expected: "a port number from 1 to 65535")
    return nil
  }

  /// A protocol, TCP where the field is absent; nil and a warning for any other.
  package mutating func transport(_ value: JSON, _ field: @autoclosure () -> String) -> TransportProtocol? {
    if value.isNull { return .tcp }
    if let found = value.string.flatMap(TransportProtocol.init(rawValue:)) { return found }
    warn(field(), value, expected: "TCP, UDP or SCTP")
    return nil
  }

  /// A port by number or name (IntOrString); nil and a warning where the value is neither.
  package mutating func portReference(_ value: JSON, _ field: @autoclosure () -> String) -> PortReference? {
    if let name = value.string, !name.isEmpty { return .name(name) }
    return port(value, field()).map(PortReference.number)
  }

  private static func trimmed(_ text: String) -> String {
    String(text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
  }

  /// The value as compact JSON, at most 80 characters.
  private static func excerpt(_ value: JSON) -> String {
    if value.isNull { return "nothing" }
    let text = String(decoding: value.bytes(), as: UTF8.self)
    return text.count > 80 ? text.prefix(77) + "..." : text
  }
}
