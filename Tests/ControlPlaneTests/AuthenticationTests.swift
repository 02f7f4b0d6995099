import ControlPlane
import Glibc
import JSON
import Kubernetes
import Linux
import Testing

/// Who is who over HTTPS: client certificates, tokens of the file, tokens of service accounts.
@Suite("Authentication", .serialized)
struct AuthenticationTests {
  let server: ServingFixture

  init() throws { server = try ServingFixture() }

  private func config(_ change: (inout KubeConfig) throws -> Void) throws -> HTTPTransport {
    var config = try KubeConfig(file: server.kubeconfig)
    config.token = nil
    try change(&config)
    return HTTPTransport(config)
  }

  private func certificate(_ identity: TLSIdentity) throws -> HTTPTransport {
    try config { config in
      config.clientCertificate = Array(identity.certificate.utf8)
      config.clientKey = Array(identity.key.utf8)
    }
  }

  private func whoami(_ transport: HTTPTransport) throws -> (Int, JSON) {
    let response = try transport.send(
      APIRequest(
        "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", headers: ["content-type": "application/json"],
        body: Array("{}".utf8)))
    return (response.status, try JSON(parsing: response.body)["status", "userInfo"])
  }

  @Test func certificatesOfTheOwnAuthorityNameUserAndGroups() throws {
    let pki = try #require(server.api.server.pki)
    let transport = try certificate(pki.client(user: "jané", groups: ["a", "b"]))
    let (status, info) = try whoami(transport)
    #expect(status == 201)
    #expect(info["username"] == "jané")
    #expect(info["groups"] == ["a", "b", "system:authenticated"])
    #expect(try transport.send(APIRequest("GET", "/api/v1/pods")).status == 403)
    let admin = try certificate(pki.client(user: "root", groups: ["system:masters"]))
    #expect(try admin.send(APIRequest("GET", "/api/v1/pods")).status == 200)
  }

  @Test func otherCertificatesNameNobody() throws {
    let pki = try #require(server.api.server.pki)
    let other = try ServingFixture()
    let stranger = try #require(other.api.server.pki).client(user: "root", groups: ["system:masters"])
    let expired = try pki.client(user: "root", groups: ["system:masters"], days: -1)
    // The server's own certificate is by the authority, but not for clients.
    let folder = server.api.folder + "/pki"
    let serving = TLSIdentity(
      certificate: try Files.readText(folder + "/server.crt"), key: try Files.readText(folder + "/server.key"))
    for identity in [stranger, expired, serving] {
      let transport = try certificate(identity)
      for path in ["/api/v1/pods", "/version"] {
        // Some libraries do not send a certificate of an authority that was not asked for: then nobody is there.
        let status = try transport.send(APIRequest("GET", path)).status
        #expect(status == 401 || path == "/version" && status == 200)
      }
    }
  }

  @Test func badTokensAreRefusedEverywhere() throws {
    for path in ["/version", "/readyz", "/api/v1/pods"] {
      #expect(try config { $0.token = "wrong" }.send(APIRequest("GET", path)).status == 401)
    }
  }

  @Test func aServiceAccountsTokenLastsAsLongAsTheAccount() throws {
    let accounts = "/api/v1/namespaces/default/serviceaccounts"
    try server.api.create(accounts, ["metadata": ["name": "robot"]])
    let answer = try server.api.create(accounts + "/robot/token", ["spec": ["expirationSeconds": 600]])
    let token = try #require(answer["status", "token"].string)
    let transport = try config { $0.token = token }
    let (status, info) = try whoami(transport)
    #expect(status == 201)
    #expect(info["username"] == "system:serviceaccount:default:robot")
    #expect(
      info["groups"]
        == ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"])
    #expect(try transport.send(APIRequest("GET", "/api/v1/namespaces/default/pods")).status == 403)
    #expect(try transport.send(APIRequest("GET", "/apis")).status == 200)
    let review = try server.api.send(
      "POST", "/apis/authentication.k8s.io/v1/tokenreviews", ["spec": ["token": .string(token)]])
    #expect(review.json["status", "authenticated"] == true)
    #expect(review.json["status", "user", "username"] == "system:serviceaccount:default:robot")
    #expect(try config { $0.token = token + "x" }.send(APIRequest("GET", "/apis")).status == 401)
    // The same name again is another account.
    try server.api.send("DELETE", accounts + "/robot")
    try server.api.create(accounts, ["metadata": ["name": "robot"]])
    #expect(try transport.send(APIRequest("GET", "/apis")).status == 401)
  }

  @Test func aBoundTokenEndsWithItsPod() throws {
    let accounts = "/api/v1/namespaces/default/serviceaccounts"
    try server.api.create(accounts, ["metadata": ["name": "default"]])
    try server.api.create(APIFixture.pods, APIFixture.pod("p"))
    let bound: JSON = ["spec": ["boundObjectRef": ["kind": "Pod", "apiVersion": "v1", "name": "p"]]]
    let token = try #require(
      try server.api.create(accounts + "/default/token", bound)["status", "token"].string)
    let transport = try config { $0.token = token }
    #expect(try transport.send(APIRequest("GET", "/apis")).status == 200)
    try server.api.send("DELETE", APIFixture.pods + "/p")
    #expect(try transport.send(APIRequest("GET", "/apis")).status == 401)
  }

  @Test func tokensSayWhenTheyEndAndWhoMayTakeThem() {
    let tokens = AccountTokens(key: Array("0123456789abcdef0123456789abcdef".utf8))
    let claims = AccountTokens.Claims(
      namespace: "n", name: "a", uid: "u", bound: .init(kind: "Pod", name: "p", uid: "v"), audiences: ["x"],
      issued: 1000, expires: 2000)
    let token = tokens.token(claims)
    #expect(tokens.claims(token, now: 1999) == claims)
    #expect(tokens.claims(token, now: 2000) == nil)
    #expect(AccountTokens().claims(token, now: 1500) == nil)
    let parts = token.split(separator: ".").map(String.init)
    // A token without signature, with another's claims, or with an algorithm of the sender's choice.
    for forged in [
      "\(parts[0]).\(parts[1]).", "\(parts[0]).\(parts[1])", "eyJhbGciOiJub25lIn0.\(parts[1]).",
      "\(parts[0]).eyJzdWIiOiJyb290In0.\(parts[2])", "", "...", "a.b.c",
    ] {
      #expect(tokens.claims(forged, now: 1500) == nil, "\(forged)")
    }
  }
}
