package import JSON

/// Strategic merge patches: merge patches that know which lists are maps.
///
/// Directives: `$patch` (replace, delete, merge), `$retainKeys`, `$setElementOrder/LIST`, `$deleteFromPrimitiveList/LIST`.
package struct StrategicMergePatch: Sendable {
  private let schema: Schema

  package init(schema: Schema) { self.schema = schema }

  /// Applies a patch to an object described by a message of the schema.
  package func apply(_ patch: JSON, to target: JSON, message: String) throws(StatusError) -> JSON {
    guard case .object = patch else { throw .badRequest("a strategic merge patch is an object") }
    return try merge(patch, into: target, type: .message(message))
  }

  private func merge(_ patch: JSON, into target: JSON, type: Schema.FieldType?) throws(StatusError) -> JSON {
    guard case .object(let changes) = patch else { return patch }
    switch changes["$patch"]?.string {
    case "replace": return .object(JSON.Object(changes.members.filter { $0.key != "$patch" }))
    case "delete": return .object(.init())
    case nil, "merge": break
    case .some(let other): throw .badRequest("strategic merge patch: unknown directive $patch: \"\(other)\"")
    }
    var result = target.object ?? JSON.Object()
    if let kept = changes["$retainKeys"]?.elements.compactMap(\.string) {
      result = JSON.Object(result.members.filter { kept.contains($0.key) })
    }
    for (key, value) in changes.members where !key.hasPrefix("$") {
      if value.isNull {
        result[key] = nil
        continue
      }
      let (field, strategy) = describe(type, key)
      if case .array(let elements) = value {
        let order = changes["$setElementOrder/\(key)"]?.elements
        result[key] = .array(
          try mergeList(elements, into: result[key]?.elements ?? [], element: field, strategy, order: order))
      } else {
        result[key] = try merge(value, into: result[key] ?? .null, type: field)
      }
    }
    for (key, value) in changes.members {
      if key.hasPrefix("$deleteFromPrimitiveList/") {
        let name = String(key.dropFirst("$deleteFromPrimitiveList/".count))
        let removed = Set(value.elements)
        if let list = result[name]?.elements { result[name] = .array(list.filter { !removed.contains($0) }) }
      }
      if key.hasPrefix("$setElementOrder/") {
        let name = String(key.dropFirst("$setElementOrder/".count))
        let (_, strategy) = describe(type, name)
        if let list = result[name]?.elements, let strategy {
          result[name] = .array(Self.sort(list, value.elements, strategy, server: target[name].elements))
        }
      }
    }
    return .object(result)
  }

  /// The type of a field (of its elements, for a list) and how its list is merged.
  private func describe(_ type: Schema.FieldType?, _ key: String) -> (Schema.FieldType?, MergeKeys.Strategy?) {
    switch type {
    case .map(let value): return (value, nil)
    case .message(let message):
      guard let field = schema.field(message, key) else { return (nil, nil) }
      // Fields of inline messages are found by the message that has them in place.
      if case .list(let element) = field.type { return (element, MergeKeys.strategy(message, key)) }
      return (field.type, nil)
    default: return (nil, nil)
    }
  }

  private func mergeList(
    _ patch: [JSON], into target: [JSON], element: Schema.FieldType?, _ strategy: MergeKeys.Strategy?, order: [JSON]?
  ) throws(StatusError) -> [JSON] {
    // An element that is only a directive speaks of the whole list.
    if patch.contains(where: { $0["$patch"].string == "replace" && $0.object?.count == 1 }) {
      return patch.filter { $0["$patch"].isNull }
    }
    switch strategy {
    case nil: return patch
    case .values: return target + patch.filter { !target.contains($0) }
    case .key(let key):
      var result = target
      for item in patch {
        let identity = item[key]
        guard !identity.isNull else {
          throw .badRequest("strategic merge patch: an element of a list has no merge key \"\(key)\"")
        }
        if item["$patch"].string == "delete" {
          result.removeAll { $0[key] == identity }
        } else if let index = result.firstIndex(where: { $0[key] == identity }) {
          result[index] = try merge(item, into: result[index], type: element)
        } else {
          result.append(try merge(item, into: .null, type: element))
        }
      }
      return result
    }
  }

  /// The elements named by the patch in its order; those only the server has keep their place behind the element they
  /// followed.
  private static func sort(_ list: [JSON], _ order: [JSON], _ strategy: MergeKeys.Strategy, server: [JSON]) -> [JSON] {
    func identity(_ element: JSON) -> JSON { if case .key(let key) = strategy { element[key] } else { element } }
    let wanted = order.map(identity)
    // Elements that share an identity (a port over TCP and UDP) keep their order among themselves.
    let named = list.filter { wanted.contains(identity($0)) }
    var result: [JSON] = wanted.flatMap { name in named.filter { identity($0) == name } }
    let before = server.map(identity)
    for element in list where !wanted.contains(identity(element)) {
      let place = before.firstIndex(of: identity(element)) ?? before.count
      let previous = before[..<place].last { name in result.contains { identity($0) == name } }
      let index = previous.flatMap { name in result.lastIndex { identity($0) == name } }.map { $0 + 1 } ?? 0
      result.insert(element, at: place == before.count ? result.count : index)
    }
    return result
  }
}
