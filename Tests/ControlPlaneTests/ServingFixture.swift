import Addressing
import ControlPlane
import Kubernetes
import Linux
import Testing

/// An API server on a free port of 127.0.0.1, with a kubeconfig for it.
final class ServingFixture: Sendable {
  let api: APIFixture
  let port: UInt16
  var kubeconfig: String { api.folder + "/kubeconfig" }

  init(configure: (inout APIServerConfiguration) -> Void = { _ in }) throws {
    api = try APIFixture { configuration, folder in
      configuration.pkiPath = folder + "/pki"
      configure(&configuration)
    }
    port = try api.server.start([.address(IPAddress("127.0.0.1")!, port: 0)])[0]
    let text = try #require(api.server.kubeconfig(server: "https://127.0.0.1:\(port)"))
    try Files.write(kubeconfig, Array(text.utf8))
  }

  deinit { api.server.stop() }

  /// Runs a program with our kubeconfig and gives back all it printed and how it ended.
  func run(_ argv: [String], environment: [String: String] = [:], input: String = "") throws -> ChildProcess.Result {
    var variables = ["KUBECONFIG": kubeconfig, "HOME": api.folder, "PATH": "/usr/local/bin:/usr/bin:/bin"]
    variables.merge(environment) { $1 }
    return try ChildProcess.run(argv, input: Array(input.utf8), environment: variables, timeout: 120)
  }
}
