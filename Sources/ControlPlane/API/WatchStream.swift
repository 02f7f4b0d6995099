internal import CLinux
internal import Glibc
internal import JSON
internal import Linux
internal import Synchronization

/// The lines of one watch, taken by whoever sends them to the client.
///
/// `next` never blocks. When it answers `.wait`, the reader waits until `descriptor` is readable or the time is over, and
/// asks again; it may wait for the client's socket in the same poll.
package final class WatchStream: Sendable {
  package enum Step: Sendable {
    /// Whole lines to send.
    case data([UInt8])
    /// Nothing to send now; look again when `descriptor` is readable, or after this many milliseconds.
    case wait(milliseconds: Int)
    case end
  }

  private struct State {
    /// Lines that exist already when the watch begins.
    var initial: [[UInt8]]
    var lastRevision: UInt64
    var isEnded = false
    var nextBookmark: Int
    var form: AnswerForm
  }

  private let kind: ResourceKind
  private let namespace: String?
  private let selector: ObjectSelector
  private let cursor: StoreCursor
  private let wantsBookmarks: Bool
  /// On the monotonic clock, in milliseconds.
  private let deadline: Int
  private let state: Mutex<State>

  static let bookmarkInterval = 60_000

  init(
    kind: ResourceKind, namespace: String?, selector: ObjectSelector, cursor: StoreCursor, revision: UInt64,
    initial: [StoredObject], endsInitialWithBookmark: Bool, wantsBookmarks: Bool, timeoutMilliseconds: Int,
    form: AnswerForm
  ) {
    self.kind = kind
    self.namespace = namespace
    self.selector = selector
    self.cursor = cursor
    self.wantsBookmarks = wantsBookmarks
    let now = Time.monotonicMilliseconds
    deadline = now + timeoutMilliseconds
    var state = State(
      initial: [], lastRevision: revision, nextBookmark: now + Self.bookmarkInterval, form: form)
    for object in initial { state.initial.append(Self.line("ADDED", object, kind, &state.form)) }
    if endsInitialWithBookmark {
      state.initial.append(Self.bookmark(kind, revision, ["k8s.io/initial-events-end": "true"], &state.form))
    }
    self.state = Mutex(state)
  }

  deinit { cursor.close() }

  /// Readable when there may be more to send.
  package var descriptor: CInt { cursor.descriptor }

  /// Milliseconds until changes should be asked for again after some were sent: see `ObjectStore.pace`.
  package var pace: Int { cursor.pace }

  /// Ends the watch: the next step is `.end`, and who waits for `descriptor` wakes up.
  package func cancel() {
    state.withLock { $0.isEnded = true }
    cursor.wake()
  }

  package func next() -> Step {
    state.withLock { state in
      if state.isEnded { return .end }
      if !state.initial.isEmpty {
        let data = state.initial.reduce(into: [UInt8]()) { $0 += $1 }
        state.initial = []
        return .data(data)
      }
      let now = Time.monotonicMilliseconds
      guard let changes = cursor.next() else {
        state.isEnded = true
        let error = StatusError.expired("too old resource version: \(state.lastRevision)")
        return .data(Self.line("ERROR", error.json))
      }
      var output: [UInt8] = []
      for event in changes.events {
        let line = line(for: event, &state)
        // One change, the usual case, is sent as it was encoded for all watches, without a copy.
        if output.isEmpty { output = line } else { output += line }
      }
      state.lastRevision = changes.revision
      if wantsBookmarks, now >= min(state.nextBookmark, deadline) {
        state.nextBookmark = now + Self.bookmarkInterval
        output += Self.bookmark(kind, changes.revision, [:], &state.form)
      }
      if now >= deadline { state.isEnded = true }
      if !output.isEmpty { return .data(output) }
      return state.isEnded ? .end : .wait(milliseconds: min(state.nextBookmark, deadline) - now)
    }
  }

  /// The line of a change as this watch sees it: an object that begins to match was added, one that no longer matches was
  /// deleted.
  private func line(for event: StoreEvent, _ state: inout State) -> [UInt8] {
    if let namespace, event.object.key.namespace != namespace { return [] }
    let matched = event.old.map(selector.matches) ?? false
    let matches = event.kind != .deleted && selector.matches(event.object)
    switch (matched, matches) {
    case (false, false): return []
    case (false, true): return shared("ADDED", .added, event, event.object, &state)
    case (true, true): return shared("MODIFIED", .modified, event, event.object, &state)
    case (true, false):
      if event.kind == .deleted { return shared("DELETED", .deleted, event, event.object, &state) }
      return shared("DELETED", .left, event, event.left ?? event.object, &state)
    }
  }

  /// A line that is the same for all watches of this kind and version which see this change this way; but for tables,
  /// whose first line differs.
  private func shared(
    _ type: String, _ view: SharedLines.Name.View, _ event: StoreEvent, _ object: @autoclosure () -> StoredObject,
    _ state: inout State
  ) -> [UInt8] {
    let isPartial: Bool
    switch state.form {
    case .whole: isPartial = false
    case .metadata: isPartial = true
    case .table: return Self.line(type, object(), kind, &state.form)
    }
    return event.lines.line(.init(view: view, isPartial: isPartial, apiVersion: kind.apiVersion)) {
      Self.line(type, object(), kind, &state.form)
    }
  }

  private static func line(_ type: String, _ object: JSON) -> [UInt8] {
    var output = Array("{\"type\":\"\(type)\",\"object\":".utf8)
    object.write(to: &output)
    return output + "}\n".utf8
  }

  private static func line(_ type: String, _ object: StoredObject, _ kind: ResourceKind, _ form: inout AnswerForm)
    -> [UInt8]
  {
    let bytes = form.bytes(object, kind: kind)
    if case .table(var table) = form, table.showsColumns {
      table.showsColumns = false
      form = .table(table)
    }
    return Array("{\"type\":\"\(type)\",\"object\":".utf8) + bytes + "}\n".utf8
  }

  private static func bookmark(
    _ kind: ResourceKind, _ revision: UInt64, _ annotations: [String: String], _ form: inout AnswerForm
  ) -> [UInt8] {
    var metadata: JSON = ["resourceVersion": .string(String(revision)), "creationTimestamp": .null]
    if !annotations.isEmpty { metadata["annotations"] = JSON(stringMap: annotations) }
    switch form {
    case .whole: return line("BOOKMARK", kind.identified(["metadata": metadata]))
    case .metadata:
      return line(
        "BOOKMARK", ["kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata])
    case .table:
      var table: JSON = ["kind": "Table", "apiVersion": "meta.k8s.io/v1"]
      table["metadata", "resourceVersion"] = .string(String(revision))
      table["columnDefinitions"] = .array([])
      table["rows"] = [["cells": [], "object": kind.identified(["metadata": metadata])]]
      return line("BOOKMARK", table)
    }
  }
}
