import Kubernetes
import Testing

@Suite struct KubeConfigTests {
  static let text = """
    apiVersion: v1
    kind: Config
    current-context: two
    clusters:
    - name: c
      cluster: {server: "https://h:6443", certificate-authority-data: Zm9v}
    users:
    - name: u
      user: {token: secret, client-certificate-data: Zg==, client-key-data: Zm8=}
    - name: e
      user: {exec: {command: aws}}
    contexts:
    - name: one
      context: {cluster: c, user: e}
    - name: two
      context: {cluster: c, user: u, namespace: shop}
    - name: three
      context: {cluster: nowhere, user: u}
    """

  @Test func currentContext() throws {
    let config = try KubeConfig(Array(Self.text.utf8), file: "kc")
    #expect(config.server == "https://h:6443")
    #expect(config.certificateAuthority == Array("foo".utf8))
    #expect(config.clientCertificate == Array("f".utf8))
    #expect(config.clientKey == Array("fo".utf8))
    #expect(config.token == "secret")
    #expect(config.namespace == "shop")
  }

  @Test(arguments: ["one", "three", "four"])
  func whatCannotBeUsedIsSaid(context: String) {
    #expect(throws: KubeConfigError.self) { try KubeConfig(Array(Self.text.utf8), file: "kc", context: context) }
  }

  @Test func writtenOneIsReadBack() throws {
    var config = try KubeConfig(Array(Self.text.utf8), file: "kc")
    config.isVerificationSkipped = true
    #expect(try KubeConfig(Array(config.yaml(name: "lab \"x\"").utf8), file: "out") == config)
  }
}
