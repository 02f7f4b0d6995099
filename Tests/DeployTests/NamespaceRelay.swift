import Addressing
import Glibc
import Linux
import Synchronization

/// A port of 127.0.0.1 here that leads to a port of 127.0.0.1 in a network namespace, so that code of this process may
/// speak to a server there as to any other.
final class NamespaceRelay: Sendable {
  let port: UInt16
  private let listener: Linux.FileDescriptor
  private let namespace: NetworkNamespace
  private let target: UInt16
  private let isClosed = Mutex(false)

  init(to target: UInt16, in namespace: NetworkNamespace) throws {
    self.target = target
    self.namespace = namespace
    listener = try FileDescriptor.socket(AF_INET, CInt(SOCK_STREAM.rawValue))
    let address = SocketAddress(.v4(IPv4Address(127, 0, 0, 1)), port: 0)
    guard address.bind(listener.raw) == 0, listen(listener.raw, 64) == 0 else { throw SystemError("listen") }
    port = try SocketAddress.bound(listener.raw).port
    _ = Thread("relay") { [self] in
      while !isClosed.withLock({ $0 }) {
        let accepted = accept(listener.raw, nil, nil)
        if accepted >= 0 { _ = Thread("relay-connection") { [self] in serve(FileDescriptor(owning: accepted)) } }
      }
    }
  }

  func close() {
    isClosed.withLock { $0 = true }
    shutdown(listener.raw, CInt(SHUT_RDWR))
  }

  private func serve(_ client: consuming Linux.FileDescriptor) {
    guard let server = try? namespace.socket(AF_INET, CInt(SOCK_STREAM.rawValue)),
      SocketAddress(.v4(IPv4Address(127, 0, 0, 1)), port: target).connect(server.raw) == 0
    else { return }
    let (here, there) = (client.raw, server.raw)
    let forward = Thread("relay-forward") { Self.copy(here, there) }
    Self.copy(there, here)
    forward.join()
  }

  private static func copy(_ source: CInt, _ target: CInt) {
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = recv(source, &buffer, buffer.count, 0)
      guard count > 0 else { break }
      var sent = 0
      while sent < count {
        let written = buffer.withUnsafeBytes {
          send(target, $0.baseAddress! + sent, count - sent, CInt(MSG_NOSIGNAL))
        }
        guard written > 0 else { break }
        sent += written
      }
      guard sent == count else { break }
    }
    shutdown(target, CInt(SHUT_WR))
    shutdown(source, CInt(SHUT_RD))
  }
}
