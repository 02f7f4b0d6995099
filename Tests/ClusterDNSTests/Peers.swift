import Addressing
import Glibc
import Linux
import Synchronization

@testable import ClusterDNS

/// Runs a program and gives what it printed.
func run(_ command: String) -> String {
  guard let pipe = popen(command + " 2>&1", "r") else { return "" }
  defer { pclose(pipe) }
  var output: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 4096)
  while case let count = fread(&chunk, 1, chunk.count, pipe), count > 0 { output += chunk[..<count] }
  return String(decoding: output, as: UTF8.self)
}

let loopback = AddressAndPort(IPAddress("127.0.0.1")!, 0)

/// A UDP socket that asks one server.
final class Client: Sendable {
  let socket: FileDescriptor

  /// `source` is the address it asks from.
  init(_ address: AddressAndPort, isTCP: Bool = false, from source: String? = nil) throws {
    socket = try FileDescriptor.socket(AF_INET, CInt((isTCP ? SOCK_STREAM : SOCK_DGRAM).rawValue))
    var timeout = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(socket.raw, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    if let source {
      let own = SocketAddress(AddressAndPort(IPAddress(source)!, 0))
      try check("bind to \(source)") { own.bind(socket.raw) }
    }
    try check("connect") { SocketAddress(address).connect(socket.raw) }
  }

  /// Whether the server has closed the connection, or does so within five seconds.
  var isClosedByServer: Bool {
    var byte: UInt8 = 0
    let count = recv(socket.raw, &byte, 1, 0)
    return count == 0 || (count < 0 && errno == ECONNRESET)
  }

  func send(_ bytes: [UInt8]) { _ = Glibc.send(socket.raw, bytes, bytes.count, 0) }

  /// The next datagram; nil after five seconds without one.
  func receive() -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = recv(socket.raw, &buffer, buffer.count, 0)
    return count < 0 ? nil : Array(buffer[..<count])
  }

  func ask(_ bytes: [UInt8]) -> Reply? {
    send(bytes)
    return receive().flatMap { Reply($0) }
  }

  /// The next message with its length on a connection.
  func receiveMessage() -> [UInt8]? {
    guard let length = receive(exactly: 2) else { return nil }
    return receive(exactly: Int(length[0]) << 8 | Int(length[1]))
  }

  private func receive(exactly count: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    while bytes.count < count {
      var buffer = [UInt8](repeating: 0, count: count - bytes.count)
      let received = recv(socket.raw, &buffer, buffer.count, 0)
      guard received > 0 else { return nil }
      bytes += buffer[..<received]
    }
    return bytes
  }
}

/// An upstream that does what a test tells it: for each question a list of datagrams to send back.
final class ScriptedUpstream: Sendable {
  typealias Script = @Sendable (_ question: [UInt8], _ number: Int) -> [[UInt8]]

  let address: AddressAndPort
  let questions = Mutex<[[UInt8]]>([])
  /// Source ports of the questions.
  let ports = Mutex<Set<UInt16>>([])
  let connections = Atomic(0)
  /// The port that the last question came from, in network order.
  let lastPort: LastPort
  final class LastPort: Sendable { let number = Atomic<UInt16>(0) }
  private let socket: FileDescriptor
  private let listener: FileDescriptor
  private let threads = Mutex<[Linux.Thread]>([])

  /// `tcp` answers questions over TCP; nil refuses connections.
  init(tcp: Script? = nil, lastPort: LastPort = LastPort(), _ script: @escaping Script) throws {
    self.lastPort = lastPort
    let socket = try FileDescriptor.socket(AF_INET, CInt(SOCK_DGRAM.rawValue))
    try check("bind") { SocketAddress(loopback).bind(socket.raw) }
    address = AddressAndPort(loopback.address, try SocketAddress.bound(socket.raw).port)
    let listener = try FileDescriptor.socket(AF_INET, CInt(SOCK_STREAM.rawValue))
    if tcp != nil {
      let address = address
      try check("bind") { SocketAddress(address).bind(listener.raw) }
      try check("listen") { listen(listener.raw, 16) }
    }
    self.socket = socket
    self.listener = listener
    threads.withLock { threads in
      threads.append(Linux.Thread("upstream") { [self] in serve(script) })
      if let tcp { threads.append(Linux.Thread("upstream-tcp") { [self] in serveConnections(tcp) }) }
    }
  }

  /// The names it was asked for, but for the root, which health checks ask for.
  var names: [String] { questions.withLock { $0 }.map(nameAsked).filter { $0 != "." } }

  func stop() {
    shutdown(listener.raw, CInt(SHUT_RDWR))
    // An empty datagram to itself ends the loop.
    _ = SocketAddress(address).withPointer { sendto(socket.raw, nil, 0, 0, $0, $1) }
    for thread in threads.withLock({ $0 }) { thread.join() }
  }

  private func serve(_ script: Script) {
    var buffer = [UInt8](repeating: 0, count: 4096)
    var number = 0
    while true {
      var peer = sockaddr_in()
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let count = withUnsafeMutableBytes(of: &peer) {
        recvfrom(
          socket.raw, &buffer, buffer.count, 0, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &length)
      }
      if count <= 0 { return }
      let question = Array(buffer[..<count])
      questions.withLock { $0.append(question) }
      ports.withLock { _ = $0.insert(peer.sin_port) }
      lastPort.number.store(peer.sin_port, ordering: .relaxed)
      for answer in script(question, number) {
        withUnsafeBytes(of: &peer) {
          _ = sendto(
            socket.raw, answer, answer.count, 0, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), length)
        }
      }
      number += 1
    }
  }

  private func serveConnections(_ script: Script) {
    while case let connection = accept(listener.raw, nil, nil), connection >= 0 {
      connections.add(1, ordering: .relaxed)
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = recv(connection, &buffer, buffer.count, 0)
      if count > 2 {
        for answer in script(Array(buffer[2..<count]), 0) {
          let framed = [UInt8(answer.count >> 8), UInt8(answer.count & 0xFF)] + answer
          _ = Glibc.send(connection, framed, framed.count, CInt(MSG_NOSIGNAL))
        }
      }
      close(connection)
    }
  }

  /// An answer to a question with A records; their owner is a pointer to the question's name.
  static func answer(_ question: [UInt8], _ addresses: [String], ttl: UInt32 = 60, code: UInt8 = 0) -> [UInt8] {
    let end = question.withUnsafeBufferPointer { MessageReader(bytes: $0).skipName(at: 12)! } + 4
    var bytes = Array(question[..<end])
    let hasEDNS = question[11] == 1
    bytes[2] = 0x81
    bytes[3] = 0x80 | code
    bytes[7] = UInt8(addresses.count)
    for address in addresses {
      bytes += [0xC0, 12, 0, 1, 0, 1] + (0..<4).map { UInt8(truncatingIfNeeded: ttl >> UInt32(24 - 8 * $0)) } + [0, 4]
      bytes += IPAddress(address)!.bytes
    }
    if hasEDNS { bytes += [0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0] }
    return bytes
  }

  /// NXDOMAIN with an SOA of the root.
  static func nameError(_ question: [UInt8], ttl: UInt8) -> [UInt8] {
    var bytes = answer(question, [], code: 3)
    bytes[9] = 1
    let opt = bytes[11] == 1 ? Array(bytes.suffix(11)) : []
    bytes.removeLast(opt.count)
    bytes += [0, 0, 6, 0, 1, 0, 0, 0, ttl, 0, 22, 0, 0] + [UInt8](repeating: 0, count: 19) + [ttl]
    return bytes + opt
  }
}
