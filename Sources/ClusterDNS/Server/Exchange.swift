internal import CLinux
internal import Glibc

/// Who waits for an upstream's answer.
struct Waiter {
  enum Client {
    /// The datagram that asked (its buffer is not kept) and the socket it came in by.
    case datagram(socket: Int, swiftlet_datagram)
    case connection(TCPConnection)
  }

  let client: Client
  /// The question as it came.
  let message: [UInt8]
  /// Our own aliases before the name that was asked upstream.
  let aliases: [DomainName]
}

/// One question on its way to the upstreams: a socket of its own, so that the kernel chooses a random source port for
/// each try, and takes datagrams from that upstream alone.
final class Exchange {
  let key: AnswerCache.Key
  var waiters: [Waiter] = []
  /// -1 between tries.
  private(set) var descriptor: CInt = -1
  private(set) var isTCP = false
  var upstream = 0
  var attempts = 0
  /// Monotonic milliseconds.
  var deadline = 0
  /// A failure that an upstream answered; better than silence when no other answers.
  var failure: UpstreamAnswer?
  private var id: UInt16 = 0
  private var output: [UInt8] = []
  private var outputStart = 0
  private var input: [UInt8] = []

  init(_ key: AnswerCache.Key) { self.key = key }

  deinit { close() }

  func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  /// Takes a connected (or connecting) socket and prepares the question with a new random id.
  func open(_ descriptor: CInt, isTCP: Bool) {
    close()
    self.descriptor = descriptor
    self.isTCP = isTCP
    id = UInt16.random(in: 0...UInt16.max)
    let question = self.question
    output = isTCP ? [UInt8(question.count >> 8), UInt8(question.count & 0xFF)] + question : question
    outputStart = 0
    input = []
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

  /// Sends what the socket takes.
  func send() -> Progress {
    while outputStart < output.count {
      let count = output.withUnsafeBufferPointer {
        Glibc.send(
          descriptor, $0.baseAddress! + outputStart, $0.count - outputStart,
          CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
      }
      if count < 0 {
        if errno == EINTR { continue }
        return errno == EAGAIN || errno == ENOTCONN ? .waiting : .failed
      }
      outputStart += count
    }
    return .waiting
  }

  var wantsOutput: Bool { outputStart < output.count }

  /// Reads answers until one is to our question; others are somebody's attempt to be faster and are ignored
  /// (RFC 5452).
  func receive(now: Int) -> Progress {
    withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { chunk in
      while true {
        let count = recv(descriptor, chunk.baseAddress!, chunk.count, CInt(MSG_DONTWAIT))
        if count < 0 {
          if errno == EINTR { continue }
          return errno == EAGAIN ? .waiting : .failed
        }
        let bytes = chunk[..<count]
        if !isTCP {
          let progress = examine(Array(bytes), now: now)
          if case .waiting = progress { continue }
          return progress
        }
        if count == 0 { return .failed }
        input += bytes
        guard input.count >= 2 else { continue }
        let length = Int(input[0]) << 8 | Int(input[1])
        guard input.count >= length + 2 else { continue }
        let progress = examine(Array(input[2..<(length + 2)]), now: now)
        // On a connection of our own anything else is a broken upstream.
        switch progress {
        case .answer: return progress
        default: return .failed
        }
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
      if flags & Wire.truncated != 0 { return isTCP ? .failed : .truncated }
      guard let answer = UpstreamAnswer(bytes, questionEnd: name.end + 4, now: now),
        answer.sizeOffset == nil || key.hasEDNS
      else { return .failed }
      return .answer(answer)
    }
  }
}
