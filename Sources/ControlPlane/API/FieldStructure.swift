internal import JSON

/// How the fields of objects hang together for server-side apply: which lists are maps or sets, and what is one piece.
struct FieldStructure {
  let schema: Schema

  /// How a list takes part.
  enum ListKind {
    case atomic
    case set
    /// Elements are told apart by these members.
    case map([String])
  }

  /// Objects and maps that belong to one manager whole.
  private static let atomicMessages: Set<String> = [
    "LabelSelector", "ResourceFieldSelector", "ObjectFieldSelector", "SecretKeySelector", "ConfigMapKeySelector",
    "LocalObjectReference", "ObjectReference", "NodeSelector", "NodeSelectorTerm", "OwnerReference",
    "TypedLocalObjectReference", "ScopeSelector", "SecretReference", "EndpointAddress", "EndpointPort",
  ]
  private static let atomicFields: Set<String> = [
    "PodSpec.nodeSelector", "ServiceSpec.selector", "ReplicationControllerSpec.selector", "PodSpec.overhead",
  ]
  /// Lists whose elements have several keys, unlike in strategic merge patches.
  private static let keys: [String: [String]] = [
    "ServiceSpec.ports": ["port", "protocol"], "Container.ports": ["containerPort", "protocol"],
    "EphemeralContainer.ports": ["containerPort", "protocol"],
    "PodSpec.topologySpreadConstraints": ["topologyKey", "whenUnsatisfiable"],
  ]

  func list(_ message: String?, _ field: String) -> ListKind {
    guard let message else { return .atomic }
    if let keys = Self.keys["\(message).\(field)"] { return .map(keys) }
    switch MergeKeys.strategy(message, field) {
    case .key(let key): return .map([key])
    case .values: return .set
    case nil: return .atomic
    }
  }

  /// What is known of a member of a value of some type.
  struct Member {
    let type: Schema.FieldType?
    let list: ListKind
    let isAtomic: Bool
  }

  func member(_ type: Schema.FieldType?, _ name: String) -> Member {
    switch type {
    case .map(let value): return Member(type: value, list: .atomic, isAtomic: false)
    case .message(let message):
      guard let field = schema.field(message, name) else { return Member(type: nil, list: .atomic, isAtomic: false) }
      var isAtomic = Self.atomicFields.contains("\(message).\(name)")
      if case .message(let inner) = field.type { isAtomic = isAtomic || Self.atomicMessages.contains(inner) }
      if case .list(let element) = field.type {
        return Member(type: element, list: list(message, name), isAtomic: false)
      }
      return Member(type: field.type, list: .atomic, isAtomic: isAtomic)
    default: return Member(type: nil, list: .atomic, isAtomic: false)
    }
  }

  /// The step to an element of a list that is a map.
  static func step(_ element: JSON, _ keys: [String]) -> String {
    var object = JSON.Object()
    for key in keys.sorted() {
      let value = element[key]
      object[key] = value.isNull && key == "protocol" ? "TCP" : value
    }
    return "k:\(JSON.object(object))"
  }

  /// All fields an object sets.
  func fields(_ value: JSON, _ type: Schema.FieldType?) -> FieldSet {
    var set = FieldSet()
    for (name, member) in value.members {
      let known = self.member(type, name)
      set.children["f:\(name)"] = fields(member: member, known)
    }
    return set
  }

  private func fields(member value: JSON, _ known: Member) -> FieldSet {
    switch value {
    case .object(let object) where !known.isAtomic && !object.isEmpty: return fields(value, known.type)
    case .array(let elements):
      switch known.list {
      case .atomic: return .member
      case .set:
        return FieldSet(
          children: Dictionary(elements.map { ("v:\($0)", .member) }, uniquingKeysWith: { first, _ in first }))
      case .map(let keys):
        var set = FieldSet()
        for element in elements {
          var inner = fields(element, known.type)
          inner.isMember = true
          set.children[Self.step(element, keys)] = inner
        }
        return set
      }
    default: return .member
    }
  }

  /// The value a step leads to; nil where there is none.
  func value(_ value: JSON, at step: String, _ list: ListKind) -> JSON? {
    if step.hasPrefix("f:") { return value.object?[String(step.dropFirst(2))] }
    if step.hasPrefix("v:") { return value.elements.first { "v:\($0)" == step } }
    if case .map(let keys) = list { return value.elements.first { Self.step($0, keys) == step } }
    return nil
  }

  /// The members of a set whose values differ between two objects or are in only one of them.
  func differences(
    _ set: FieldSet, _ left: JSON?, _ right: JSON?, _ type: Schema.FieldType?, _ list: ListKind = .atomic
  )
    -> FieldSet
  {
    var result = FieldSet()
    if set.isMember {
      // An element that has members of its own is there or not; a leaf has a value.
      result.isMember = set.children.isEmpty ? left != right : (left == nil) != (right == nil)
    }
    for (step, child) in set.children {
      let known = step.hasPrefix("f:") ? member(type, String(step.dropFirst(2))) : nil
      let inner = differences(
        child, left.flatMap { value($0, at: step, list) }, right.flatMap { value($0, at: step, list) },
        known?.type ?? type, known?.list ?? .atomic)
      if !inner.isEmpty { result.children[step] = inner }
    }
    return result
  }

  /// An object with another laid over it: members of the second win, lists that are maps or sets are joined.
  func merge(_ applied: JSON, over live: JSON, _ type: Schema.FieldType?) -> JSON {
    guard case .object(let changes) = applied else { return applied }
    var result = live.object ?? JSON.Object()
    for (name, value) in changes.members {
      let known = member(type, name)
      switch value {
      case .object where !known.isAtomic: result[name] = merge(value, over: result[name] ?? .null, known.type)
      case .array(let elements):
        result[name] = .array(merge(elements, over: result[name]?.elements ?? [], known))
      default: result[name] = value
      }
    }
    return .object(result)
  }

  private func merge(_ applied: [JSON], over live: [JSON], _ known: Member) -> [JSON] {
    switch known.list {
    case .atomic: return applied
    case .set: return live + applied.filter { !live.contains($0) }
    case .map(let keys):
      var result = live
      for element in applied {
        let step = Self.step(element, keys)
        if let index = result.firstIndex(where: { Self.step($0, keys) == step }) {
          result[index] = merge(element, over: result[index], known.type)
        } else {
          result.append(element)
        }
      }
      return result
    }
  }

  /// An object without the members of a set, unless `kept` holds something in them.
  func remove(
    _ set: FieldSet, keeping kept: FieldSet, from value: JSON, _ type: Schema.FieldType?, _ list: ListKind = .atomic
  )
    -> JSON
  {
    var result = value
    for (step, child) in set.children {
      let stays = kept.children[step] ?? FieldSet()
      if step.hasPrefix("f:") {
        let name = String(step.dropFirst(2))
        let known = member(type, name)
        guard let old = result.object?[name] else { continue }
        if child.isMember, stays.isEmpty {
          result[name] = .null
        } else {
          let inner = remove(child, keeping: stays, from: old, known.type, known.list)
          // What has become empty by this goes too.
          let isEmpty = inner.object?.isEmpty ?? inner.array?.isEmpty ?? false
          result[name] = isEmpty && stays.isEmpty && inner != old ? .null : inner
        }
      } else if case .array(var elements) = result {
        guard let index = elements.firstIndex(where: { self.step(of: $0, list) == step }) else { continue }
        if child.isMember, stays.isEmpty {
          elements.remove(at: index)
        } else {
          elements[index] = remove(child, keeping: stays, from: elements[index], type)
        }
        result = .array(elements)
      }
    }
    return result
  }

  private func step(of element: JSON, _ list: ListKind) -> String {
    switch list {
    case .map(let keys): Self.step(element, keys)
    default: "v:\(element)"
    }
  }
}
