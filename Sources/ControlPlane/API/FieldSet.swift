internal import JSON

/// A set of fields of one object, as `fieldsV1` in `managedFields` writes it (KEP-555): a tree whose keys are `f:NAME`
/// for members, `k:{…}` for elements of lists that are maps, `v:…` for elements of lists that are sets.
struct FieldSet: Equatable {
  /// The element itself belongs to the set, not only what is in it.
  var isMember = false
  var children: [String: FieldSet] = [:]

  static let member = FieldSet(isMember: true)

  var isEmpty: Bool { !isMember && children.isEmpty }

  init(isMember: Bool = false, children: [String: FieldSet] = [:]) {
    self.isMember = isMember
    self.children = children
  }

  init(_ json: JSON) {
    for (key, value) in json.members {
      if key == "." { isMember = true } else { children[key] = FieldSet(value) }
    }
    if json.members.isEmpty { isMember = true }
  }

  var json: JSON {
    var object = JSON.Object()
    if isMember, !children.isEmpty { object["."] = .object(.init()) }
    for (key, child) in children.sorted(by: { $0.key < $1.key }) { object[key] = child.json }
    return .object(object)
  }

  func union(_ other: FieldSet) -> FieldSet {
    FieldSet(
      isMember: isMember || other.isMember, children: children.merging(other.children) { $0.union($1) })
  }

  func intersection(_ other: FieldSet) -> FieldSet {
    var result = FieldSet(isMember: isMember && other.isMember)
    for (key, child) in children {
      guard let same = other.children[key] else { continue }
      let both = child.intersection(same)
      if !both.isEmpty { result.children[key] = both }
    }
    return result
  }

  func subtracting(_ other: FieldSet) -> FieldSet {
    var result = FieldSet(isMember: isMember && !other.isMember)
    for (key, child) in children {
      let rest = other.children[key].map { child.subtracting($0) } ?? child
      if !rest.isEmpty { result.children[key] = rest }
    }
    return result
  }

  /// The paths of all members, as Kubernetes prints them: `.spec.ports[port=80].name`.
  var paths: [String] {
    var paths = isMember ? [""] : []
    for (key, child) in children.sorted(by: { $0.key < $1.key }) {
      let step: String
      if key.hasPrefix("k:"), let keys = try? JSON(parsing: String(key.dropFirst(2))) {
        step = "[" + keys.members.map { "\($0.key)=\($0.value)" }.joined(separator: ",") + "]"
      } else if key.hasPrefix("v:") {
        step = "[=\(key.dropFirst(2))]"
      } else {
        step = ".\(key.dropFirst(2))"
      }
      paths += child.paths.map { step + $0 }
    }
    return paths
  }
}
