internal import JSON

/// The messages of the resize stream, `{"Width":80,"Height":24}` one after another, cut anywhere.
struct TerminalSize {
  /// Bytes of a message; a longer one is an error.
  private static let limit = 1024
  private var buffer: [UInt8] = []

  mutating func receive(_ bytes: [UInt8]) throws -> [CommandEvent] {
    buffer += bytes
    var events: [CommandEvent] = []
    while let end = buffer.firstIndex(of: UInt8(ascii: "}")) {
      let json = try JSON(parsing: Array(buffer[...end]))
      buffer.removeSubrange(...end)
      if let width = json["Width"].int, let height = json["Height"].int {
        events.append(.resize(columns: UInt16(clamping: width), rows: UInt16(clamping: height)))
      }
    }
    guard buffer.count <= Self.limit else { throw SPDYError("a terminal's size has more than \(Self.limit) bytes") }
    return events
  }
}
