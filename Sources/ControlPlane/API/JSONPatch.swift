package import JSON

/// JSON Patch (RFC 6902) with JSON Pointers (RFC 6901).
package struct JSONPatch: Sendable {
  private struct Operation: Sendable {
    let name: String
    let path: [String]
    let from: [String]
    let value: JSON
  }

  private let operations: [Operation]

  /// How many operations one patch may have, and how many values it may copy (as kube-apiserver bounds them: copies of
  /// copies grow without end).
  private static let operationLimit = 10_000
  private static let copyLimit = 100_000

  /// What Kubernetes answers where a test fails or a path leads nowhere.
  private static func refused(_ reason: String) -> StatusError {
    var error = StatusError(422, "Invalid", "the server rejected our request due to an error in our request")
    error.causes = [.init(reason: "FieldValueInvalid", message: reason, field: "patch")]
    return error
  }

  package init(_ patch: JSON) throws(StatusError) {
    guard case .array(let items) = patch else { throw .badRequest("a JSON patch is a list of operations") }
    guard items.count <= Self.operationLimit else {
      throw StatusError(
        413, "RequestEntityTooLarge",
        "The allowed maximum operations in a JSON patch is \(Self.operationLimit), got \(items.count)")
    }
    operations = try items.map { item throws(StatusError) in
      guard let name = item["op"].string, ["add", "remove", "replace", "move", "copy", "test"].contains(name) else {
        throw .badRequest(
          "JSON patch: found operation \(item["op"]), expected add, remove, replace, move, copy or test")
      }
      guard let path = item["path"].string else { throw .badRequest("JSON patch: an operation has no path") }
      guard item.object?["value"] != nil || !["add", "replace", "test"].contains(name) else {
        throw .badRequest("JSON patch: operation \(name) of \(path) has no value")
      }
      let from = try item["from"].string.map { text throws(StatusError) in try Self.pointer(text) } ?? []
      return Operation(name: name, path: try Self.pointer(path), from: from, value: item["value"])
    }
  }

  private static func pointer(_ text: String) throws(StatusError) -> [String] {
    if text.isEmpty { return [] }
    guard text.hasPrefix("/") else { throw .badRequest("JSON patch: path \"\(text)\" does not begin with '/'") }
    return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { part in
      var output = ""
      var isEscaped = false
      for character in part {
        if isEscaped {
          output += character == "1" ? "/" : character == "0" ? "~" : "~\(character)"
          isEscaped = false
        } else if character == "~" {
          isEscaped = true
        } else {
          output.append(character)
        }
      }
      return output
    }
  }

  package func apply(to target: JSON) throws(StatusError) -> JSON {
    var result = target
    var copied = 0
    for operation in operations {
      switch operation.name {
      case "add":
        try Self.checkDepth(operation.path, operation.value.extent.height)
        try Self.change(&result, operation.path[...]) {
          $0 = operation.value
        } insert: {
          true
        }
      case "replace":
        _ = try Self.value(result, operation.path)
        try Self.checkDepth(operation.path, operation.value.extent.height)
        try Self.change(&result, operation.path[...]) { $0 = operation.value }
      case "remove": _ = try Self.remove(&result, operation.path)
      case "move":
        let value = try Self.remove(&result, operation.from)
        try Self.checkDepth(operation.path, value.extent.height)
        try Self.change(&result, operation.path[...]) {
          $0 = value
        } insert: {
          true
        }
      case "copy":
        let value = try Self.value(result, operation.from)
        let extent = value.extent
        copied += extent.count
        guard copied <= Self.copyLimit else {
          throw StatusError(
            413, "RequestEntityTooLarge", "the JSON patch copies more than \(Self.copyLimit) values")
        }
        try Self.checkDepth(operation.path, extent.height)
        try Self.change(&result, operation.path[...]) {
          $0 = value
        } insert: {
          true
        }
      default:
        let found = try? Self.value(result, operation.path)
        guard found ?? .null == operation.value else {
          throw Self.refused("testing value /\(operation.path.joined(separator: "/")) failed")
        }
      }
    }
    return result
  }

  /// Refuses what would nest deeper than a body could be read.
  private static func checkDepth(_ path: [String], _ height: Int) throws(StatusError) {
    guard path.count + height <= JSON.maximumDepth else {
      throw refused("the result is nested deeper than \(JSON.maximumDepth) levels")
    }
  }

  private static func index(_ key: String, count: Int) throws(StatusError) -> Int {
    guard let index = Int(key), index >= 0, index < count else {
      throw refused("no element \"\(key)\" in a list of \(count)")
    }
    return index
  }

  private static func value(_ target: JSON, _ path: [String]) throws(StatusError) -> JSON {
    var value = target
    for key in path {
      switch value {
      case .object(let object):
        guard let member = object[key] else { throw refused("no member \"\(key)\"") }
        value = member
      case .array(let elements): value = elements[try index(key, count: elements.count)]
      default: throw refused("no member \"\(key)\" in a value that is no object or list")
      }
    }
    return value
  }

  private static func remove(_ target: inout JSON, _ path: [String]) throws(StatusError) -> JSON {
    guard let last = path.last else { throw refused("the whole object cannot be removed") }
    let removed = try value(target, path)
    let parent = path.dropLast()
    try change(&target, parent) { value in
      switch value {
      case .object(var object):
        object[last] = nil
        value = .object(object)
      case .array(var elements):
        elements.remove(at: Int(last)!)
        value = .array(elements)
      default: break
      }
    }
    return removed
  }

  /// Changes the value at a path; with `insert` an element is put into a list instead of over another.
  private static func change(
    _ target: inout JSON, _ path: ArraySlice<String>, _ body: (inout JSON) -> Void, insert: () -> Bool = { false }
  ) throws(StatusError) {
    guard let key = path.first else { return body(&target) }
    let isLast = path.count == 1
    switch target {
    case .object(var object):
      guard isLast || object[key] != nil else { throw refused("no member \"\(key)\"") }
      var member = object[key] ?? .null
      try change(&member, path.dropFirst(), body, insert: insert)
      object[key] = member
      target = .object(object)
    case .array(var elements):
      if isLast, insert() {
        var element = JSON.null
        body(&element)
        let position = key == "-" ? elements.count : try index(key, count: elements.count + 1)
        elements.insert(element, at: position)
      } else {
        try change(&elements[try index(key, count: elements.count)], path.dropFirst(), body, insert: insert)
      }
      target = .array(elements)
    default: throw refused("no member \"\(key)\" in a value that is no object or list")
    }
  }
}

extension JSON {
  /// How many values it consists of, itself included, and how many levels of them there are.
  fileprivate var extent: (count: Int, height: Int) {
    var count = 1
    var height = 0
    func add(_ inner: JSON) {
      let extent = inner.extent
      count += extent.count
      height = max(height, extent.height)
    }
    switch self {
    case .array(let elements): for element in elements { add(element) }
    case .object(let object): for member in object.members { add(member.value) }
    default: break
    }
    return (count, height + 1)
  }
}
