internal import Addressing
internal import Glibc
package import JSON
internal import Kubernetes
internal import Linux

/// A plan in a file, YAML or JSON; docs/plan.md has an example.
package enum PlanFile {
  private static let keys = [
    "nodeRanges", "podRanges", "serviceRanges", "families", "nodeMask", "nodeMaskIPv6", "nodes", "maximumNodes",
    "podsPerNode", "services", "surge", "avoid", "for",
  ]

  /// Reads a file into a request.
  package static func read(_ path: String) throws(PlanInputError) -> PlanRequest {
    let documents: [YAMLDocument]
    do {
      let bytes = path == "-" ? try FileDescriptor(owning: dup(0)).readAll() : try Files.read(path)
      documents = try YAML.parse(bytes, file: path)
    } catch {
      throw PlanInputError("\(error)")
    }
    guard documents.count == 1 else {
      throw PlanInputError("\(path): found \(documents.count) documents, expected one")
    }
    return try request(documents[0].value, file: path)
  }

  /// The request a file's value stands for; `file` names it in errors and as the ranges' source.
  package static func request(_ json: JSON, file: String) throws(PlanInputError) -> PlanRequest {
    guard json.object != nil else { throw PlanInputError("\(file): expected an object with \(list(keys))") }
    for member in json.members where !keys.contains(member.key) {
      throw PlanInputError("\(file): there is no \"\(member.key)\"; known are \(list(keys))")
    }
    var request = PlanRequest()
    for (role, key) in [(PlannedRange.Role.node, "nodeRanges"), (.pod, "podRanges"), (.service, "serviceRanges")] {
      for text in try texts(json[key], "\(file), \(key)") {
        request[role].append(try RangeText.range(role, text, from: "\(file), \(key)"))
      }
    }
    let families = json["families"]
    if let names = families.array {
      var found: [IPFamily] = []
      for name in names { found += try RangeText.families(name.string ?? "\(name)", from: "\(file), families") }
      request.wantedFamilies = found
    } else if !families.isNull {
      request.wantedFamilies = try RangeText.families(families.string ?? "\(families)", from: "\(file), families")
    }
    for (family, key) in [(IPFamily.v4, "nodeMask"), (.v6, "nodeMaskIPv6")] {
      if let mask = try number(json[key], "\(file), \(key)", 1...family.bits) { request.nodeMasks[family] = mask }
    }
    request.demand.nodes = try number(json["nodes"], "\(file), nodes", PlanOptions.nodeBounds)
    request.demand.maximumNodes = try number(json["maximumNodes"], "\(file), maximumNodes", PlanOptions.nodeBounds)
    request.demand.podsPerNode = try number(json["podsPerNode"], "\(file), podsPerNode", PlanOptions.podBounds)
    request.demand.services = try number(json["services"], "\(file), services", PlanOptions.serviceBounds)
    request.demand.surge = try number(json["surge"], "\(file), surge", PlanOptions.surgeBounds) ?? request.demand.surge
    request.taken = try avoided(json["avoid"], "\(file), avoid")
    let targets = try texts(json["for"], "\(file), for")
    if !targets.isEmpty { request.targets = try RangeText.targets(targets, from: "\(file), for") }
    return request
  }

  /// `name: range`, `name: [range, …]`, or a list of `{name, ranges, kind}`.
  private static func avoided(_ json: JSON, _ source: String) throws(PlanInputError) -> [PlannedRange] {
    var taken: [PlannedRange] = []
    for member in json.members {
      taken += try RangeText.networks(
        named: member.key, try texts(member.value, "\(source), \(member.key)"), from: source)
    }
    for entry in json.elements {
      guard let name = entry["name"].string else {
        throw PlanInputError("\(source): expected objects with name, ranges and perhaps kind, found \(entry)")
      }
      let ranges = try RangeText.networks(named: name, try texts(entry["ranges"], "\(source), \(name)"), from: source)
      guard let kind = entry["kind"].string else {
        taken += ranges
        continue
      }
      guard let network = PlannedRange.Network(rawValue: kind) else {
        throw PlanInputError(
          "\(source), \(name): found kind \"\(kind)\", expected one of "
            + list(PlannedRange.Network.allCases.map(\.rawValue)))
      }
      taken += ranges.map {
        PlannedRange(.reserved, $0.prefix, from: $0.source, network: network, written: $0.written)
      }
    }
    if !json.isNull, json.array == nil, json.object == nil {
      throw PlanInputError("\(source): expected names with ranges, found \(json)")
    }
    return taken
  }

  private static func texts(_ json: JSON, _ source: String) throws(PlanInputError) -> [String] {
    if json.isNull { return [] }
    if let text = json.string { return [text] }
    guard let values = json.array else { throw PlanInputError("\(source): expected a text or a list, found \(json)") }
    var texts: [String] = []
    for value in values {
      guard let text = value.string else { throw PlanInputError("\(source): expected texts, found \(value)") }
      texts.append(text)
    }
    return texts
  }

  private static func number(
    _ json: JSON, _ source: String, _ bounds: ClosedRange<Int>
  ) throws(PlanInputError) -> Int? {
    if json.isNull { return nil }
    guard let number = json.int, bounds.contains(number) else {
      throw PlanInputError(
        "\(source): found \(json), expected a number from \(bounds.lowerBound) to \(bounds.upperBound)")
    }
    return number
  }

  private static func list(_ names: [String]) -> String { names.joined(separator: ", ") }
}
