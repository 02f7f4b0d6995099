import JSON
import Testing

@testable import Lab

@Suite struct CNINetworkTests {
  private func input(_ plugin: JSON, _ pod: JSON, versions: JSON = .null) -> JSON {
    var list: JSON = ["cniVersion": "1.0.0", "name": "net", "plugins": [plugin]]
    list["cniVersions"] = versions
    return CNINetwork(list: list, binaryDirectories: [], namespace: nil)
      .configuration(plugin, previous: .null, PodManifest(pod))
  }

  private let pod: JSON = [
    "metadata": [
      "name": "web",
      "annotations": ["kubernetes.io/ingress-bandwidth": "10M", "kubernetes.io/egress-bandwidth": "1500k"],
    ],
    "spec": [
      "containers": [
        [
          "name": "a",
          "ports": [
            ["containerPort": 80, "hostPort": 8080], ["containerPort": 81],
            ["containerPort": 53, "hostPort": 53, "protocol": "UDP", "hostIP": "192.0.2.1"],
          ],
        ]
      ]
    ],
  ]

  @Test func pluginsGetWhatTheyDeclare() {
    let all = input(["type": "x", "capabilities": ["portMappings": true, "bandwidth": true]], pod)
    #expect(
      all["runtimeConfig", "portMappings"] == [
        ["hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": ""],
        ["hostPort": 53, "containerPort": 53, "protocol": "udp", "hostIP": "192.0.2.1"],
      ])
    #expect(all["runtimeConfig", "bandwidth"] == ["ingressRate": 10_000_000, "egressRate": 1_500_000])
    #expect(all["capabilities"].isNull && all["name"] == "net")
    #expect(input(["type": "x"], pod)["runtimeConfig"].isNull)
    #expect(input(["type": "x", "capabilities": ["bandwidth": true]], [:])["runtimeConfig"].isNull)
    // What is no quantity is the plugin's to refuse.
    var wrong = pod
    wrong["metadata", "annotations", "kubernetes.io/ingress-bandwidth"] = "fast"
    #expect(
      input(["type": "x", "capabilities": ["bandwidth": true]], wrong)["runtimeConfig", "bandwidth", "ingressRate"]
        == "fast")
  }

  @Test func theNewestVersionBothKnow() {
    #expect(input(["type": "x"], pod)["cniVersion"] == "1.0.0")
    #expect(input(["type": "x"], pod, versions: ["0.4.0", "1.1.0", "9.9.9"])["cniVersion"] == "1.1.0")
    #expect(input(["type": "x"], pod, versions: ["9.9.9"])["cniVersion"] == "1.0.0")
  }
}
