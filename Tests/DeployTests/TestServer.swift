import Addressing
import ControlPlane
import Glibc
import Kubernetes
import Linux
import Testing

/// An API server in a folder of its own, which is removed with it.
final class TestServer: Sendable {
  let folder: String
  let server: APIServer

  init(serviceRanges: [Prefix] = [], serverNames: [String] = []) throws {
    var template = Array("/tmp/swt-deploy-XXXXXX".utf8CString)
    folder = try #require(mkdtemp(&template).map { String(cString: $0) })
    var configuration = APIServerConfiguration(
      databasePath: folder + "/api.db", serviceRanges: serviceRanges.isEmpty ? [Prefix("10.96.0.0/12")!] : serviceRanges
    )
    configuration.pkiPath = folder + "/pki"
    configuration.serverNames = serverNames
    configuration.advertisedAddresses = [IPAddress("127.0.0.1")!]
    server = try APIServer(configuration)
  }

  deinit {
    server.stop()
    try? Files.removeTree(folder)
  }
}
