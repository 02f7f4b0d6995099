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

  /// What Kubernetes answers where a test fails or a path leads nowhere.
  private static func refused(_ reason: String) -> StatusError {
    var error = StatusError(422, "Invalid", "the server rejected our request due to an error in our request")
    error.causes = [.init(reason: "FieldValueInvalid", message: reason, field: "patch")]
    return error
  }

  package init(_ patch: JSON) throws(StatusError) {
    guard case .array(let items) = patch else { throw .badRequest("a JSON patch is a list of operations") }
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
    for operation in operations {
      switch operation.name {
      case "add":
        try Self.change(&result, operation.path[...]) {
          $0 = operation.value
        } insert: {
          true
        }
      case "replace":
        _ = try Self.value(result, operation.path)
        try Self.change(&result, operation.path[...]) { $0 = operation.value }
      case "remove": _ = try Self.remove(&result, operation.path)
      case "move":
        let value = try Self.remove(&result, operation.from)
        try Self.change(&result, operation.path[...]) {
          $0 = value
        } insert: {
          true
        }
      case "copy":
        let value = try Self.value(result, operation.from)
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
