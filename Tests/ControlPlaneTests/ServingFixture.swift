import Addressing
import ControlPlane
import Glibc
import JSON
import Kubernetes
import Linux
import Testing

/// An API server on a free port of 127.0.0.1, with a kubeconfig for it.
final class ServingFixture: Sendable {
  let api: APIFixture
  let port: UInt16
  var kubeconfig: String { api.folder + "/kubeconfig" }

  init() throws {
    api = try APIFixture { configuration, folder in configuration.pkiPath = folder + "/pki" }
    port = try api.server.start([.address(IPAddress("127.0.0.1")!, port: 0)])[0]
    let text = try #require(api.server.kubeconfig(server: "https://127.0.0.1:\(port)"))
    try Files.write(kubeconfig, Array(text.utf8))
  }

  deinit {
    api.server.stop()
    for name in ["pki/ca.crt", "pki/ca.key", "pki/server.crt", "pki/server.key", "pki/tokens.csv", "kubeconfig", "manifest"] {
      unlink(api.folder + "/" + name)
    }
  }

  /// Runs a program with our kubeconfig and gives back what it printed and how it ended.
  func run(_ argv: [String], environment: [String: String] = [:]) throws -> (output: String, isSuccess: Bool) {
    let path = api.folder + "/output"
    let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC)
    defer { unlink(path) }
    var variables = ["KUBECONFIG": kubeconfig, "HOME": api.folder, "PATH": "/usr/local/bin:/usr/bin:/bin"]
    variables.merge(environment) { $1 }
    let child = try ChildProcess(
      argv, environment: variables, standardOutput: .descriptor(file.raw), standardError: .descriptor(file.raw))
    let status = child.wait(timeout: 60)
    if status == nil { child.stop(grace: 0) }
    let output = String(decoding: try FileDescriptor.open(path).readAll(), as: UTF8.self)
    return (output, status.map { "\($0)" }?.contains("0") == true && status?.isSuccess == true)
  }
}
