package import JSON
internal import Kubernetes

/// Who set which fields of an object (`metadata.managedFields`, KEP-555).
package struct ManagedFields {
  private let kind: ResourceKind
  private let structure: FieldStructure

  /// One manager's share.
  struct Entry: Equatable {
    var manager: String
    var operation: String
    var apiVersion: String
    var subresource: String
    var time: String
    var fields: FieldSet

    func isSameManager(as other: Entry) -> Bool {
      manager == other.manager && operation == other.operation && apiVersion == other.apiVersion
        && subresource == other.subresource
    }
  }

  package init(schema: Schema, kind: ResourceKind) {
    self.kind = kind
    structure = FieldStructure(schema: schema)
  }

  private var type: Schema.FieldType { .message(kind.schema) }

  static func entries(_ object: JSON) -> [Entry] {
    object["metadata", "managedFields"].elements.compactMap { entry in
      guard let manager = entry["manager"].string else { return nil }
      return Entry(
        manager: manager, operation: entry["operation"].string ?? "Update",
        apiVersion: entry["apiVersion"].string ?? "", subresource: entry["subresource"].string ?? "",
        time: entry["time"].string ?? "", fields: FieldSet(entry["fieldsV1"]))
    }
  }

  static func store(_ entries: [Entry], in object: inout JSON) {
    let list = entries.filter { !$0.fields.isEmpty }.map { entry -> JSON in
      var json: JSON = [
        "manager": .string(entry.manager), "operation": .string(entry.operation),
        "apiVersion": .string(entry.apiVersion), "time": .string(entry.time), "fieldsType": "FieldsV1",
        "fieldsV1": entry.fields.json,
      ]
      if !entry.subresource.isEmpty { json["subresource"] = .string(entry.subresource) }
      return json
    }
    object["metadata", "managedFields"] = list.isEmpty ? .null : .array(list)
  }

  /// Without what belongs to the server.
  private func stripped(_ object: JSON) -> JSON {
    var object = object
    for field in ["kind", "apiVersion"] { object[field] = .null }
    for field in [
      "name", "namespace", "generateName", "creationTimestamp", "selfLink", "uid", "generation", "managedFields",
      "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds",
    ] {
      object["metadata", field] = .null
    }
    if object["metadata"].object?.isEmpty == true { object["metadata"] = .null }
    return object
  }

  /// Notes what an update changed: the fields that changed are its manager's alone.
  package func record(manager: String, old: JSON?, new: inout JSON, subresource: String) {
    var entries = Self.entries(new["metadata", "managedFields"].isNull ? old ?? .null : new)
    let before = stripped(old ?? .null)
    let after = stripped(new)
    let all = structure.fields(before, type).union(structure.fields(after, type))
    let changed = structure.differences(all, before, after, type)
    guard !changed.isEmpty else { return Self.store(entries, in: &new) }
    let added = changed.intersection(structure.fields(after, type))
    var mine = Entry(
      manager: manager, operation: "Update", apiVersion: kind.apiVersion, subresource: subresource,
      time: Timestamp.now().description, fields: FieldSet())
    for index in entries.indices {
      if entries[index].isSameManager(as: mine) { mine.fields = entries[index].fields }
      entries[index].fields = entries[index].fields.subtracting(changed)
    }
    entries.removeAll { $0.isSameManager(as: mine) }
    mine.fields = mine.fields.subtracting(changed).union(added)
    entries.append(mine)
    Self.store(entries, in: &new)
  }

  /// Lays a configuration over an object for a manager: sets what it names, removes what the manager named before and no
  /// longer does, and refuses to change what others hold unless forced.
  package func apply(_ applied: JSON, over live: JSON, manager: String, force: Bool, subresource: String)
    throws(StatusError)
    -> JSON
  {
    var entries = Self.entries(live)
    let applied = stripped(applied)
    let before = stripped(live)
    let wanted = structure.fields(applied, type)
    let changing = structure.differences(wanted, before, applied, type)
    var mine = Entry(
      manager: manager, operation: "Apply", apiVersion: kind.apiVersion, subresource: subresource,
      time: Timestamp.now().description, fields: wanted)
    var conflicts: [(entry: Entry, fields: FieldSet)] = []
    for index in entries.indices where !entries[index].isSameManager(as: mine) {
      let both = entries[index].fields.intersection(changing)
      if both.isEmpty { continue }
      conflicts.append((entries[index], both))
      entries[index].fields = entries[index].fields.subtracting(both)
    }
    if !force, !conflicts.isEmpty { throw Self.refuse(conflicts) }
    var result = structure.merge(applied, over: live, type)
    if let previous = entries.first(where: { $0.isSameManager(as: mine) }) {
      let gone = previous.fields.subtracting(wanted)
      let kept = entries.filter { !$0.isSameManager(as: mine) }.reduce(wanted) { $0.union($1.fields) }
      result = structure.remove(gone.subtracting(kept), keeping: kept, from: result, type)
      if previous.fields == wanted { mine.time = previous.time }
    }
    if let index = entries.firstIndex(where: { $0.isSameManager(as: mine) }) {
      entries[index] = mine
    } else {
      entries.append(mine)
    }
    Self.store(entries, in: &result)
    return result
  }

  private static func refuse(_ conflicts: [(entry: Entry, fields: FieldSet)]) -> StatusError {
    var parts: [String] = []
    var causes: [StatusError.Cause] = []
    for (entry, fields) in conflicts {
      var by = "conflict with \"\(entry.manager)\""
      if !entry.subresource.isEmpty { by += " with subresource \"\(entry.subresource)\"" }
      by += " using \(entry.apiVersion)"
      let paths = fields.paths
      causes += paths.map { StatusError.Cause(reason: "FieldManagerConflict", message: by, field: $0) }
      if paths.count == 1 {
        parts.append("\(by): \(paths[0])")
      } else {
        parts.append(
          "conflicts" + by.dropFirst("conflict".count) + ":\n" + paths.map { "- \($0)" }.joined(separator: "\n"))
      }
    }
    let count = causes.count == 1 ? "1 conflict" : "\(causes.count) conflicts"
    var error = StatusError(409, "Conflict", "Apply failed with \(count): \(parts.joined(separator: "\n"))")
    error.causes = causes
    return error
  }
}
