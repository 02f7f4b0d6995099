internal import Addressing
internal import CLinux

/// Who waits for an upstream's answer.
struct Waiter {
  enum Client {
    /// The datagram that asked (its buffer is not kept) and the socket it came in by.
    case datagram(socket: Int, swiftlet_datagram)
    /// A connection and, in HTTP/2, the stream of the request.
    case connection(TCPConnection, stream: Int32)
  }

  let client: Client
  /// The client's; counted against its share of the waiting.
  let address: IPAddress?
  /// The question as it came.
  let message: [UInt8]
  var forwarding: Forwarding
  let block: ServerBlock

  init(client: Client, message: [UInt8], forwarding: Forwarding, block: ServerBlock) {
    self.client = client
    address = client.address
    self.message = message
    self.forwarding = forwarding
    self.block = block
  }
}

/// How a question that is not ours to answer is asked elsewhere.
struct Forwarding {
  /// The names that are asked for instead, each an alias of the one before; the last one is asked.
  var aliases: [DomainName] = []
  /// A rewritten name: it is asked for, but answers go by the name that the client asked for.
  var renamed: DomainName?
  /// Search-path answers: names to try after this one has proved not to exist.
  var further: [DomainName] = []
  var isCompletion = false

  /// The name to ask for; nil for the client's own.
  var asked: DomainName? { aliases.last ?? renamed }

  /// Goes on to the next name of the search list; false where there is none, or this one exists.
  mutating func advance(after answer: UpstreamAnswer?) -> Bool {
    guard isCompletion, let answer, answer.code == .nameError || answer.isEmpty, let next = further.first else {
      return false
    }
    further.removeFirst()
    aliases = [next]
    return true
  }
}
