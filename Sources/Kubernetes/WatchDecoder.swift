internal import JSON

/// Cuts the bytes of a watch, which may arrive in any pieces, into events: one JSON value a line.
package struct WatchDecoder {
  private var rest: [UInt8] = []
  /// How far `rest` was searched for the end of its line.
  private var searched = 0

  package init() {}

  /// The events that are complete with this piece. Throws `JSONError` for a line that is no JSON, and `APIStatus` for one
  /// that is no event.
  package mutating func decode(_ piece: [UInt8]) throws -> [WatchEvent] {
    rest += piece
    var events: [WatchEvent] = []
    var start = 0
    while let end = rest[searched...].firstIndex(of: 0x0A) {
      if let event = try Self.event(rest[start..<end]) { events.append(event) }
      start = end + 1
      searched = start
    }
    rest.removeFirst(start)
    searched = rest.count
    return events
  }

  private static func event(_ line: ArraySlice<UInt8>) throws -> WatchEvent? {
    guard line.contains(where: { $0 != 0x20 && $0 != 0x0D }) else { return nil }
    let json = try line.withUnsafeBufferPointer { try JSON(parsing: $0) }
    guard let kind = json["type"].string.flatMap(WatchEvent.Kind.init) else {
      throw APIStatus(
        code: 500, reason: "InternalError",
        message: "the watch sent a line of type \(json["type"]), expected ADDED, MODIFIED, DELETED, BOOKMARK or ERROR")
    }
    return WatchEvent(kind: kind, object: json["object"])
  }
}
