import Addressing
import ControlPlane
import Glibc
import JSON
import Kubernetes
import Linux
import Testing

/// An API server in this process, on a database in a folder of its own that is removed with it.
final class APIFixture: Sendable {
  let folder: String
  let server: APIServer

  init(serviceRange: String = "10.96.0.0/16", configure: (inout APIServerConfiguration, String) -> Void = { _, _ in })
    throws
  {
    var template = Array("/tmp/swt-api-XXXXXX".utf8CString)
    folder = try #require(mkdtemp(&template).map { String(cString: $0) })
    var configuration = APIServerConfiguration(
      databasePath: folder + "/api.db", serviceRanges: [try Prefix(parsing: serviceRange)])
    configuration.advertisedAddresses = [IPAddress("192.168.77.2")!]
    configure(&configuration, folder)
    server = try APIServer(configuration)
  }

  deinit { try? Files.removeTree(folder) }

  /// Sends a request and reads the answer as JSON.
  @discardableResult
  func send(
    _ method: String, _ target: String, _ body: JSON? = nil, type: String = "application/json", accept: String = ""
  )
    throws -> (status: Int, json: JSON)
  {
    let request = APIRequest(
      method, target, headers: ["content-type": type, "accept": accept], body: body?.bytes() ?? [])
    let response = try server.transport.send(request)
    return (response.status, (try? JSON(parsing: response.body)) ?? .null)
  }

  /// Creates an object and insists that it worked.
  @discardableResult
  func create(_ path: String, _ object: JSON) throws -> JSON {
    let (status, json) = try send("POST", path, object)
    try #require(status == 201, "\(json)")
    return json
  }

  static let pods = "/api/v1/namespaces/default/pods"
  static let services = "/api/v1/namespaces/default/services"
  static let configMaps = "/api/v1/namespaces/default/configmaps"
  static let deployments = "/apis/apps/v1/namespaces/default/deployments"

  static func pod(_ name: String, labels: JSON = [:]) -> JSON {
    [
      "kind": "Pod", "apiVersion": "v1", "metadata": ["name": .string(name), "labels": labels],
      "spec": ["containers": [["name": "c", "image": "nginx:1"]]],
    ]
  }

  static func service(_ name: String, _ spec: JSON = [:]) -> JSON {
    var service: JSON = [
      "metadata": ["name": .string(name)], "spec": ["ports": [["port": 80]], "selector": ["app": .string(name)]],
    ]
    for member in spec.members { service["spec"][member.key] = member.value }
    return service
  }

  static func deployment(_ name: String) -> JSON {
    [
      "metadata": ["name": .string(name)],
      "spec": [
        "selector": ["matchLabels": ["app": .string(name)]],
        "template": [
          "metadata": ["labels": ["app": .string(name)]],
          "spec": ["containers": [["name": "web", "image": "nginx", "ports": [["containerPort": 80]]]]],
        ],
      ],
    ]
  }
}
