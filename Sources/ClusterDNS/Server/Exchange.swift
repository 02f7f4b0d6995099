/// One question on its way to the upstreams: over UDP on a socket of its own, so that the kernel chooses a random source
/// port for each try, and takes datagrams from that upstream alone.
final class Exchange {
  enum Purpose: Equatable {
    /// Somebody waits, or an entry of the cache is fetched anew.
    case question
    /// Is this upstream well again?
    case healthCheck
    /// Does it come back to us?
    case loopProbe
  }

  /// What makes two exchanges the same: the same question to the same upstreams.
  struct Identity: Hashable {
    var key: AnswerCache.Key
    var group: ObjectIdentifier
  }

  let key: AnswerCache.Key
  let group: UpstreamGroup
  let purpose: Purpose
  /// Where the answer is kept.
  let cache: AnswerCache?
  var waiters: [Waiter] = []
  /// Places of the group's queue that this exchange has: one for each that waits, or for itself.
  var places = 0
  private(set) var connection: UpstreamConnection?
  var upstream = 0
  var attempts = 0
  /// Monotonic milliseconds of the present try's beginning and end.
  var started = 0
  var deadline = 0
  /// A failure that an upstream answered; better than silence when no other answers.
  var failure: UpstreamAnswer?
  /// An answer that is out of date; better than a failure.
  var stale: UpstreamAnswer?
  private var id: UInt16 = 0

  init(_ key: AnswerCache.Key, _ group: UpstreamGroup, cache: AnswerCache? = nil, purpose: Purpose = .question) {
    self.key = key
    self.group = group
    self.cache = cache
    self.purpose = purpose
  }

  var identity: Identity { Identity(key: key, group: ObjectIdentifier(group)) }

  /// Takes a connected (or connecting) socket and prepares the question with a new random id.
  func open(_ connection: UpstreamConnection) {
    self.connection = connection
    id = UInt16.random(in: 0...UInt16.max)
    connection.put(question)
  }

  /// Gives the socket up.
  func takeConnection() -> UpstreamConnection? {
    defer { connection = nil }
    return connection
  }

  private var question: [UInt8] {
    var bytes: [UInt8] = [UInt8(id >> 8), UInt8(id & 0xFF), UInt8(key.flags >> 8), UInt8(key.flags & 0xFF)]
    bytes += [0, 1, 0, 0, 0, 0, 0, key.hasEDNS ? 1 : 0]
    bytes += key.name.wire
    bytes += [UInt8(key.type.rawValue >> 8), UInt8(key.type.rawValue & 0xFF), 0, 1]
    if key.hasEDNS {
      bytes += [0, 0, 41, UInt8(Wire.datagramLimit >> 8), UInt8(Wire.datagramLimit & 0xFF), 0, 0]
      bytes += [key.isDNSSECOK ? 0x80 : 0, 0, 0, 0]
    }
    return bytes
  }

  enum Progress {
    case waiting
    case failed
    /// Ask again over TCP.
    case truncated
    case answer(UpstreamAnswer)
  }

  /// Reads answers until one is to our question; others are somebody's attempt to be faster and are ignored
  /// (RFC 5452).
  func receive(now: Int) -> Progress {
    guard let connection else { return .failed }
    while true {
      switch connection.receive() {
      case .nothing: return .waiting
      case .broken: return .failed
      case .message(let bytes):
        let progress = examine(bytes, now: now)
        if !connection.isStream {
          if case .waiting = progress { continue }
          return progress
        }
        // On a connection of our own anything else is a broken upstream.
        if case .answer = progress { return progress }
        return .failed
      }
    }
  }

  /// What bytes from the upstream mean: an answer to this question, or something to ignore.
  func examine(_ bytes: [UInt8], now: Int) -> Progress {
    bytes.withUnsafeBufferPointer { buffer in
      let reader = MessageReader(bytes: buffer)
      guard reader.uint16(at: 0) == id, let flags = reader.uint16(at: 2), flags & Wire.response != 0,
        flags & Wire.opcodeMask == 0, reader.uint16(at: 4) == 1, let name = reader.name(at: Wire.headerLength),
        name.wire.map(Wire.lower) == key.name.wire, name.end == Wire.headerLength + key.name.wire.count,
        reader.uint16(at: name.end) == key.type.rawValue, reader.uint16(at: name.end + 2) == Wire.classInternet
      else { return .waiting }
      if flags & Wire.truncated != 0 { return connection?.isStream == true ? .failed : .truncated }
      guard let answer = UpstreamAnswer(bytes, questionEnd: name.end + 4, now: now),
        answer.sizeOffset == nil || key.hasEDNS
      else { return .failed }
      return .answer(answer)
    }
  }
}
