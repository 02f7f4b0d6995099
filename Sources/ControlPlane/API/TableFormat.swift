internal import JSON
internal import Kubernetes

/// The form of an answer as a table of cells (meta.k8s.io/v1 Table), as clients that print ask for.
struct TableFormat: Sendable {
  /// Whole objects in the rows instead of their metadata.
  private let includesObjects: Bool
  private let includesNothing: Bool
  /// False after the first event of a watch.
  var showsColumns = true

  init(_ target: RequestTarget) {
    includesObjects = target["includeObject"] == "Object"
    includesNothing = target["includeObject"] == "None"
  }

  func table(_ objects: [StoredObject], kind: ResourceKind, revision: UInt64) -> JSON {
    table(objects, kind: kind, metadata: ["resourceVersion": .string(String(revision))])
  }

  func table(_ objects: [StoredObject], kind: ResourceKind, metadata: JSON) -> JSON {
    let printer = TablePrinters.printer(kind)
    let now = Int(Timestamp.now().seconds)
    let rows = objects.map { object -> JSON in
      var row: JSON = ["cells": .array(printer.cells(object.value, now))]
      if includesObjects {
        row["object"] = kind.shown(object)
      } else if !includesNothing {
        row["object"] = AnswerForm.metadata(of: object)
      }
      return row
    }
    let columns: JSON = showsColumns ? .array(printer.columns.map(\.json)) : nil
    return [
      "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": columns,
      "rows": .array(rows),
    ]
  }
}

/// How the objects of a kind are printed.
struct TablePrinter: Sendable {
  struct Column: Sendable {
    let name: String
    let type: String
    /// Shown only on request.
    let isWide: Bool

    var json: JSON {
      [
        "name": .string(name), "type": .string(type), "format": name == "Name" ? "name" : "",
        "description": "", "priority": isWide ? 1 : 0,
      ]
    }
  }

  let columns: [Column]
  /// The cells of an object at a moment (seconds since 1970).
  let cells: @Sendable (JSON, Int) -> [JSON]

  /// Columns in one text: `*` after a name for wide ones, `#` for numbers, `_` for a space.
  init(_ columns: String, _ cells: @escaping @Sendable (JSON, Int) -> [JSON]) {
    self.columns = columns.split(separator: " ").map { word in
      let name = word.filter { $0 != "*" && $0 != "#" }.replacing("_", with: " ")
      return Column(name: name, type: word.contains("#") ? "integer" : "string", isWide: word.contains("*"))
    }
    self.cells = cells
  }
}
