import Testing

@testable import Streaming

@Suite struct SPDYTests {
  private func events(_ bytes: [UInt8], pieces: Int) throws -> [SPDYParser.Event] {
    var parser = SPDYParser()
    var events: [SPDYParser.Event] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      events += try parser.receive(rest.prefix(pieces))
      rest = rest.dropFirst(pieces)
    }
    return events
  }

  /// draft-mbelshe-httpbis-spdy-00 names the dictionary's Adler-32, which zlib asks for by that number.
  @Test func dictionaryIsTheOneOfTheSpecification() {
    var (low, high): (UInt32, UInt32) = (1, 0)
    for byte in SPDYDictionary.bytes {
      low = (low + UInt32(byte)) % 65521
      high = (high + low) % 65521
    }
    #expect(SPDYDictionary.bytes.count == 1423)
    #expect(high << 16 | low == 0xE3C6_A7C2)
  }

  @Test(arguments: [1, 5, 1 << 16])
  func everyFrameComesThroughCutAnywhere(pieces: Int) throws {
    let writer = SPDYWriter()
    let first = [SPDYHeader("streamtype", "error"), SPDYHeader("port", "80")]
    let second = [SPDYHeader("streamtype", "data"), SPDYHeader("port", "80"), SPDYHeader("requestid", "0")]
    let payload = (0..<3000).map { UInt8(truncatingIfNeeded: $0) }
    let bytes =
      writer.stream(1, first) + writer.stream(3, second, ends: true) + writer.reply(1) + writer.data(1, payload)
      + writer.data(3, [], ends: true) + writer.ping(7) + writer.reset(3, 5) + writer.goAway(lastStream: 3)
      + [0x80, 3, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0]  // SETTINGS
      + [0x80, 3, 0, 9, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 1, 0]  // WINDOW_UPDATE
    let found = try events(bytes, pieces: pieces)
    var data: [UInt8] = []
    var others: [SPDYParser.Event] = []
    for event in found {
      if case .data(1, let piece, false) = event { data += piece } else { others.append(event) }
    }
    #expect(data == payload)
    #expect(
      others == [
        .stream(1, first, ends: false), .stream(3, second, ends: true), .headers(1, [], ends: false),
        .data(3, [], ends: true), .ping(7), .reset(3, 5), .goAway,
      ])
  }

  @Test func aPacketOfData16MiBLongNeedsNoMemory() throws {
    var parser = SPDYParser()
    #expect(try parser.receive([0, 0, 0, 1, 1, 0xFF, 0xFF, 0xFF]) == [])
    #expect(try parser.receive([1, 2, 3]) == [.data(1, [1, 2, 3], ends: false)])
  }

  @Test(
    arguments: [
      ("another version", [0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1]),
      ("a control frame of 16 MiB", [0x80, 3, 0, 1, 0, 0xFF, 0xFF, 0xFF]),
      ("SYN_STREAM without its numbers", [0x80, 3, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1]),
      ("headers that are no zlib", [0x80, 3, 0, 1, 0, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]),
      ("RST_STREAM without status", [0x80, 3, 0, 3, 0, 0, 0, 4, 0, 0, 0, 1]),
    ] as [(String, [UInt8])])
  func whatIsNoSPDYIsRefused(what: String, bytes: [UInt8]) {
    #expect(throws: SPDYError.self, "\(what)") { try self.events(bytes, pieces: 1) }
  }

  @Test func headersThatUnpackToTooMuchAreRefused() throws {
    let writer = SPDYWriter()
    let bomb = writer.stream(1, [SPDYHeader("a", String(repeating: "b", count: 200_000))])
    #expect(bomb.count < 16 * 1024)
    #expect(throws: SPDYError.self) { try self.events(bomb, pieces: 4096) }
    let many = SPDYWriter().stream(1, (0..<1000).map { SPDYHeader("a\($0)", "") })
    #expect(throws: SPDYError.self) { try self.events(many, pieces: 4096) }
  }
}
