import ControlPlane
import JSON
import Linux
import Testing

/// Plain `curl`, and a client certificate made with `openssl` as docs/api.md says.
@Suite("curl", .serialized)
struct CurlTests {
  let server: ServingFixture
  private var url: String { "https://127.0.0.1:\(server.port)" }
  private var pki: String { server.api.folder + "/pki" }

  init() throws { server = try ServingFixture() }

  private func curl(_ arguments: [String]) throws -> (isSuccess: Bool, output: String) {
    let result = try server.run(["curl", "--silent", "--max-time", "30", "--cacert", pki + "/ca.crt"] + arguments)
    return (result.status.isSuccess, result.output)
  }

  private func token() throws -> [String] {
    let token = try #require(server.api.server.pki).tokens.adminToken
    return ["--header", "Authorization: Bearer \(token)"]
  }

  @Test func withAToken() throws {
    let code = ["--output", "/dev/null", "--write-out", "%{http_code}"]
    #expect(try curl(code + [url + "/api/v1/pods"]).output == "401")
    #expect(try curl(code + [url + "/healthz"]).output == "200")
    #expect(try curl(code + token() + [url + "/api/v1/pods"]).output == "200")
    let made = try curl(
      token() + [
        "--header", "Content-Type: application/json", "--data", #"{"metadata":{"name":"c"},"data":{"a":"b"}}"#,
        url + APIFixture.configMaps,
      ])
    #expect(try JSON(parsing: made.output)["metadata", "name"] == "c")
    let yaml = try curl(
      token() + [
        "--request", "PATCH", "--header", "Content-Type: application/apply-patch+yaml", "--data-binary",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {c: d}\n",
        url + APIFixture.configMaps + "/c?fieldManager=me",
      ])
    #expect(try JSON(parsing: yaml.output)["data"] == ["a": "b", "c": "d"])
  }

  @Test func aWatchEndsAsHTTPEnds() throws {
    let watch = try curl(token() + ["--no-buffer", url + "/api/v1/namespaces?watch=1&timeoutSeconds=1"])
    // With another end than the last chunk curl fails.
    #expect(watch.isSuccess)
    let lines = try watch.output.split(separator: "\n").map { try JSON(parsing: String($0)) }
    #expect(lines.count == 5 && lines.allSatisfy { $0["type"] == "ADDED" && $0["object", "kind"] == "Namespace" })
  }

  @Test func withACertificateOfOpenSSL() throws {
    let folder = server.api.folder
    let make = """
      cd \(folder)
      openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout jane.key -subj /O=staff/CN=jane -out jane.csr
      openssl x509 -req -in jane.csr -CA \(pki)/ca.crt -CAkey \(pki)/ca.key -CAcreateserial -days 30 -out jane.crt \
        -extfile /dev/stdin <<<'extendedKeyUsage=clientAuth'
      """
    let made = try server.run(["bash", "-e", "-c", make])
    try #require(made.status.isSuccess, "\(made.errorOutput)")
    let review = try curl([
      "--cert", folder + "/jane.crt", "--key", folder + "/jane.key", "--header", "Content-Type: application/json",
      "--data", "{}", url + "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    ])
    let info = try JSON(parsing: review.output)["status", "userInfo"]
    #expect(info["username"] == "jane")
    #expect(info["groups"] == ["staff", "system:authenticated"])
  }
}
