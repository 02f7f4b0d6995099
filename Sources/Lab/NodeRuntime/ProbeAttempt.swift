internal import Addressing
internal import CLinux
internal import Glibc
internal import Linux
internal import StandIn

/// One asking of a probe. Never blocks: it lives on an event loop and calls back once.
final class ProbeAttempt {
  private let loop: EventLoop
  private let namespace: NetworkNamespace?
  private let done: (_ success: Bool, _ message: String) -> Void
  private var socket: FileDescriptor?
  private var child: ChildProcess?
  private var timer: EventLoop.Timer?
  private var isOver = false
  /// Bytes of the request still to be sent; empty for a mere connection.
  private var request: [UInt8] = []
  private var response: [UInt8] = []
  private var isConnected = false
  /// Every HTTP response is a success, as it is for a hook.
  var acceptsAnyStatus = false
  private var target = ""

  /// - Parameter namespace: where connections are made from; nil is the caller's.
  init(
    _ loop: EventLoop, namespace: NetworkNamespace?, timeout: Double,
    done: @escaping (_ success: Bool, _ message: String) -> Void
  ) {
    self.loop = loop
    self.namespace = namespace
    self.done = done
    timer = loop.schedule(after: timeout) { [unowned self] in
      child?.signal(SIGKILL)
      finish(false, "\(target): no answer within \(timeout) s")
    }
  }

  /// A TCP connection, then a request if there is one: success is a status from 200 to 399.
  func connect(_ address: IPAddress, port: UInt16, request: [UInt8]) {
    self.request = request
    let peer = SocketAddress(address, port: port)
    target = peer.description
    do throws(SystemError) {
      let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
      let family = address.family == .v4 ? AF_INET : AF_INET6
      let socket: FileDescriptor
      if let namespace {
        socket = try namespace.socket(family, type)
      } else {
        socket = try FileDescriptor.socket(family, type)
      }
      let raw = socket.raw
      self.socket = consume socket
      let result = peer.connect(raw)
      if result != 0 && errno != EINPROGRESS { throw SystemError("connect to \(target)") }
      try loop.add(raw, .writable) { [unowned self] events in advance(raw, events) }
    } catch {
      // Not from within the caller: it may not have kept us yet.
      loop.schedule(after: 0) { [self] in finish(false, "\(error)") }
    }
  }

  /// A program to its end: success is exit status 0.
  func execute(_ command: [String], environment: [String: String]) {
    target = command.last ?? ""
    do throws(SystemError) {
      let child = try ChildProcess(
        command, environment: environment, standardOutput: .null, standardError: .null, namespace: namespace)
      self.child = child
      let raw = child.descriptor.raw
      try loop.add(raw, .readable) { [unowned self] _ in
        loop.remove(raw)
        let status = child.wait()
        self.child = nil
        finish(status?.isSuccess ?? false, "command ended with \(status.map(\.description) ?? "?")")
      }
    } catch {
      loop.schedule(after: 0) { [self] in finish(false, "\(error)") }
    }
  }

  /// Ends without calling back.
  func cancel() {
    child?.signal(SIGKILL)
    isOver = true
    clean()
  }

  private func advance(_ raw: CInt, _ events: EventLoop.Events) {
    if !isConnected {
      var code: CInt = 0
      var size = socklen_t(MemoryLayout<CInt>.size)
      getsockopt(raw, SOL_SOCKET, SO_ERROR, &code, &size)
      if code != 0 { return finish(false, "\(SystemError("connect to \(target)", code: code))") }
      isConnected = true
      if request.isEmpty { return finish(true, "") }
    }
    if !request.isEmpty {
      let sent = request.withUnsafeBytes { send(raw, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
      if sent < 0 {
        if errno == EAGAIN || errno == EINTR { return }
        return finish(false, "\(SystemError("send to \(target)"))")
      }
      request.removeFirst(sent)
      if request.isEmpty { try? loop.change(raw, .readable) }
      return
    }
    var chunk = [UInt8](repeating: 0, count: 1024)
    let count = recv(raw, &chunk, chunk.count, 0)
    if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
    if count < 0 { return finish(false, "\(SystemError("receive from \(target)"))") }
    response += chunk[..<count]
    if let status = Self.status(response) {
      let success = acceptsAnyStatus || (200..<400).contains(status)
      finish(success, success ? "" : "HTTP probe failed with statuscode: \(status)")
    } else if count == 0 || response.count > 64 {
      finish(false, "\(target): the answer is no HTTP response")
    }
  }

  /// The status of a response's first line, once its three digits are there.
  static func status(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 12, bytes.starts(with: Array("HTTP/1.".utf8)) else { return nil }
    return Int(String(decoding: bytes[9..<12], as: UTF8.self))
  }

  private func finish(_ success: Bool, _ message: String) {
    guard !isOver else { return }
    isOver = true
    clean()
    done(success, message)
  }

  private func clean() {
    if let timer { loop.cancel(timer) }
    timer = nil
    if let raw = socket?.raw { loop.remove(raw) }
    socket = nil
    // A killed child is reaped before its watch is dropped.
    if let child {
      loop.remove(child.descriptor.raw)
      child.signal(SIGKILL)
      _ = child.wait(timeout: 1)
    }
    child = nil
  }
}
