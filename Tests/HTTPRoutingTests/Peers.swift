import Addressing
import ClusterModel
import Glibc
import Linux
import Synchronization

@testable import HTTPRouting

/// Runs a program and gives what it printed.
func run(_ arguments: String...) -> String {
  guard let result = try? ChildProcess.run(arguments, timeout: 30) else { return "" }
  return result.output
}

/// Asks with curl; the answer's status is its last line.
func get(_ address: AddressAndPort, host: String, path: String = "/", _ more: [String] = []) -> (
  status: Int, body: String
) {
  let arguments = [
    "curl", "-s", "-g", "--path-as-is", "--max-time", "10", "-w", "\n%{http_code}", "-H", "Host: \(host)",
  ]
  guard let result = try? ChildProcess.run(arguments + more + ["http://\(address)\(path)"], timeout: 30) else {
    return (0, "")
  }
  let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
  return (Int(lines.last ?? "") ?? 0, lines.dropLast().joined(separator: "\n"))
}

/// Binds a socket to a free port of 127.0.0.1.
private func bindLoopback(_ socket: CInt) throws -> AddressAndPort {
  let loopback = IPAddress.v4(IPv4Address(127, 0, 0, 1))
  try check("bind") { SocketAddress(loopback, port: 0).bind(socket) }
  return AddressAndPort(loopback, try SocketAddress.bound(socket).port)
}

func freePort() throws -> AddressAndPort {
  let socket = try FileDescriptor.socket(AF_INET, CInt(SOCK_STREAM.rawValue))
  return try bindLoopback(socket.raw)
}

/// A web server that answers with its name and the request it got.
final class WebServer: Sendable {
  let name: String
  let address: AddressAndPort
  let requests = Atomic(0)
  private let listener: FileDescriptor
  private let thread = Mutex<Linux.Thread?>(nil)

  init(_ name: String) throws {
    self.name = name
    let listener = try FileDescriptor.socket(AF_INET, CInt(SOCK_STREAM.rawValue))
    address = try bindLoopback(listener.raw)
    listen(listener.raw, 128)
    self.listener = listener
    thread.withLock { $0 = Linux.Thread("web") { [self] in serve() } }
  }

  func stop() {
    shutdown(listener.raw, CInt(SHUT_RDWR))
    thread.withLock { $0.take() }?.join()
  }

  private func serve() {
    while case let connection = accept(listener.raw, nil, nil), connection >= 0 {
      var request: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 16384)
      while !String(decoding: request, as: UTF8.self).contains("\r\n\r\n") {
        let count = recv(connection, &chunk, chunk.count, 0)
        if count <= 0 { break }
        request += chunk[..<count]
      }
      if !request.isEmpty {
        requests.add(1, ordering: .relaxed)
        let body = "\(name)\n\(String(decoding: request, as: UTF8.self))"
        let answer = Array(
          "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)".utf8)
        _ = send(connection, answer, answer.count, CInt(MSG_NOSIGNAL))
      }
      close(connection)
    }
  }
}

/// A directory that goes away again.
final class Directory: Sendable {
  let path: String

  init() {
    var template = Array("/tmp/swt-haproxy-XXXXXX".utf8CString)
    path = String(cString: mkdtemp(&template))
  }

  deinit { try? Files.removeTree(path) }
}

/// A self-signed certificate for names.
func makeCertificate(_ id: NamespacedName, _ names: String...) throws -> Certificate {
  let directory = Directory()
  let alternatives = names.map { "DNS:\($0)" }.joined(separator: ",")
  _ = run(
    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
    "/CN=\(names[0])", "-addext", "subjectAltName=\(alternatives)", "-keyout", "\(directory.path)/key", "-out",
    "\(directory.path)/chain")
  return Certificate(
    id: id, chain: try Files.read("\(directory.path)/chain"), key: try Files.read("\(directory.path)/key"))
}
