internal import Addressing
internal import JSON
internal import Kubernetes

/// The members of one object of the configuration, read with errors that name the field; what nobody read is refused.
final class BGPFields {
  private let json: JSON
  private let file: String
  /// Ends in a dot unless it is empty.
  private let path: String
  private var seen: Set<String> = []

  init(_ json: JSON, file: String, path: String = "") throws(BGPConfigurationError) {
    self.json = json
    self.file = file
    self.path = path.isEmpty ? "" : path + "."
    if json.object == nil {
      throw BGPConfigurationError(file: file, field: path, reason: "found \(json), expected an object")
    }
  }

  func error(_ name: String, _ reason: String) -> BGPConfigurationError {
    BGPConfigurationError(file: file, field: path + name, reason: reason)
  }

  /// Refuses members that were not asked for.
  func finish() throws(BGPConfigurationError) {
    if let unknown = json.members.first(where: { !seen.contains($0.key) }) {
      throw error(unknown.key, "there is no such field; known are \(seen.sorted().joined(separator: ", "))")
    }
  }

  func required<Value>(_ name: String, _ value: Value?) throws(BGPConfigurationError) -> Value {
    guard let value else { throw error(name, "is missing") }
    return value
  }

  private func value(_ name: String) -> JSON? {
    seen.insert(name)
    let value = json[name]
    // Spelled out: in `value.isNull ? nil : value` the nil would be JSON's own null.
    if value.isNull { return Optional.none }
    return value
  }

  private func read<Value>(
    _ name: String, _ expected: String, _ parse: (JSON) -> Value?
  ) throws(BGPConfigurationError) -> Value? {
    guard let found = value(name) else { return nil }
    guard let result = parse(found) else { throw error(name, "found \(found), expected \(expected)") }
    return result
  }

  private func list<Value>(
    _ name: String, _ expected: String, _ parse: (JSON) -> Value?
  ) throws(BGPConfigurationError) -> [Value]? {
    guard let found = value(name) else { return nil }
    guard let elements = found.array else { throw error(name, "found \(found), expected a list") }
    var values: [Value] = []
    for (index, element) in elements.enumerated() {
      guard let value = parse(element) else {
        throw error("\(name)[\(index)]", "found \(element), expected \(expected)")
      }
      values.append(value)
    }
    return values
  }

  func string(_ name: String) throws(BGPConfigurationError) -> String? { try read(name, "a text") { $0.string } }
  func bool(_ name: String) throws(BGPConfigurationError) -> Bool? { try read(name, "true or false") { $0.bool } }

  func integer(_ name: String, in bounds: ClosedRange<Int>) throws(BGPConfigurationError) -> Int? {
    try read(name, "a number from \(bounds.lowerBound) to \(bounds.upperBound)") { json in
      json.int.flatMap { bounds.contains($0) ? $0 : nil }
    }
  }

  func port(_ name: String) throws(BGPConfigurationError) -> UInt16? {
    try integer(name, in: 1...65535).map { UInt16($0) }
  }

  func asNumber(_ name: String) throws(BGPConfigurationError) -> ASNumber? {
    try read(name, "the number of an autonomous system that is not reserved, such as 64512") { json in
      // YAML reads 1.10 as the number 1.1: asdot has to be quoted.
      if let number = json.int { return UInt32(exactly: number).flatMap { ASNumber($0) } }
      return json.string.flatMap { ASNumber($0) }
    }
  }

  func address(_ name: String) throws(BGPConfigurationError) -> IPAddress? {
    try read(name, "an IP address") { json in
      guard let address = json.string.flatMap({ IPAddress($0) }), !address.isUnspecified, !address.isMulticast else {
        return nil
      }
      return address
    }
  }

  func clusterID(_ name: String) throws(BGPConfigurationError) -> IPv4Address? {
    try read(name, "an identifier written as an IPv4 address, such as 244.0.0.1") { json in
      json.string.flatMap { IPv4Address($0) }
    }
  }

  func prefixes(_ name: String) throws(BGPConfigurationError) -> [Prefix]? {
    try list(name, "a prefix such as 10.0.0.0/8, host bits zero") { json in json.string.flatMap { Prefix($0) } }
  }

  func communities(_ name: String) throws(BGPConfigurationError) -> [BGPCommunity] {
    try list(name, "a community such as \"64512:100\" or \"64512:1:2\"") { json in
      json.string.flatMap { BGPCommunity($0) }
    } ?? []
  }

  func families(_ name: String) throws(BGPConfigurationError) -> Set<IPFamily>? {
    try list(name, "IPv4 or IPv6") { json in IPFamily.allCases.first { $0.name == json.string } }.map { Set($0) }
  }

  func advertisements(_ name: String) throws(BGPConfigurationError) -> Set<BGPAdvertisement>? {
    let known = BGPAdvertisement.allCases.map(\.rawValue).joined(separator: ", ")
    return try list(name, "one of \(known)") { json in json.string.flatMap { BGPAdvertisement(rawValue: $0) } }
      .map { Set($0) }
  }

  /// A label selector as `kubectl -l` takes it.
  func selector(_ name: String) throws(BGPConfigurationError) -> LabelSelector? {
    guard let text = try string(name) else { return nil }
    do { return try LabelSelector(parsing: text) } catch { throw self.error(name, "\(error)") }
  }

  func object(_ name: String) throws(BGPConfigurationError) -> BGPFields? {
    guard let found = value(name) else { return nil }
    return try BGPFields(found, file: file, path: path + name)
  }

  func objects(_ name: String) throws(BGPConfigurationError) -> [BGPFields] {
    guard let found = value(name) else { return [] }
    guard let elements = found.array else { throw error(name, "found \(found), expected a list") }
    var result: [BGPFields] = []
    for (index, element) in elements.enumerated() {
      result.append(try BGPFields(element, file: file, path: "\(path)\(name)[\(index)]"))
    }
    return result
  }
}
