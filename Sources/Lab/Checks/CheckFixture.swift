internal import ClusterModel
internal import JSON
internal import Kubernetes
internal import Linux

/// The objects that the checks make for themselves in a namespace of their own, so that they find what they need whatever
/// the manifests hold, and disturb none of it: two pods on each node, a Service, a headless one, a policy and an Ingress.
struct CheckFixture {
  static let namespace = "swiftlet-check"
  static let service = "check"
  static let headless = "check-headless"
  static let host = "check.swiftlet.example"
  static let path = "/check"
  static let secret = "check-tls"
  /// Anyone may connect.
  static let port = 8080
  /// Only pods of role `a` may connect.
  static let privatePort = 8081
  static let udpPort = 8082
  static let servicePort = 80

  /// The pods of a node: roles `a` and `b`.
  static func podNames(_ node: String) -> [String] { ["a", "b"].map { "\(node)-\($0)" } }

  let nodes: [String]
  /// PEM texts of the certificate for `host` and its key.
  let certificate: String
  let key: String

  /// Makes the objects; they may be there already from an earlier run that was broken off.
  func create(_ client: APIClient) throws {
    let applier = Applier(client)
    for object in objects {
      let manifest = Manifest(object: KubernetesObject(object), file: "the checks", line: 1)
      if case .refused(let message, let fields) = try applier.apply(manifest) {
        throw LabError(
          "the API refused an object of the checks, \(manifest.object.reference): \(message) "
            + fields.joined(separator: "; "), remedy: "see `swiftlet lab logs lab:server`")
      }
    }
  }

  /// Deletes the namespace with all in it, and waits a moment for it to go.
  static func remove(_ client: APIClient, _ interruption: Interruption) throws {
    for type in [ResourceType.ingresses, .networkPolicies, .services, .secrets, .pods] {
      for object in try client.list(type, ListOptions(namespace: namespace)).items {
        try client.delete(type, namespace: namespace, name: object.name)
      }
    }
    try client.delete(.namespaces, name: namespace)
    let end = Time.monotonicSeconds + 10
    while try client.find(.namespaces, name: namespace) != nil, Time.monotonicSeconds < end {
      try interruption.sleep(0.05)
    }
  }

  private var objects: [JSON] {
    [namespaceObject] + nodes.flatMap { node in Self.podNames(node).map { pod($0, node) } }
      + [serviceObject, headlessObject, policyObject, secretObject, ingressObject]
  }

  private func metadata(_ name: String, labels: [String: String] = [:]) -> JSON {
    var metadata: JSON = ["name": .string(name), "namespace": .string(Self.namespace)]
    if !labels.isEmpty { metadata["labels"] = JSON(stringMap: labels) }
    return metadata
  }

  private var namespaceObject: JSON {
    ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(Self.namespace)]]
  }

  private func pod(_ name: String, _ node: String) -> JSON {
    func port(_ name: String, _ number: Int, _ transport: String = "TCP") -> JSON {
      ["name": .string(name), "containerPort": .int(Int64(number)), "protocol": .string(transport)]
    }
    func container(_ name: String, _ ports: [JSON]) -> JSON {
      [
        "name": .string(name), "image": "swiftlet.example/stand-in", "ports": .array(ports),
        "readinessProbe": ["tcpSocket": ["port": ports[0]["containerPort"]], "periodSeconds": 1],
      ]
    }
    return [
      "apiVersion": "v1", "kind": "Pod",
      "metadata": metadata(name, labels: ["app": "check", "role": String(name.last ?? "a")]),
      "spec": [
        "nodeName": .string(node), "terminationGracePeriodSeconds": 0,
        "containers": [
          container("main", [port("http", Self.port), port("echo", Self.udpPort, "UDP")]),
          container("second", [port("private", Self.privatePort)]),
        ],
      ],
    ]
  }

  private var serviceObject: JSON {
    [
      "apiVersion": "v1", "kind": "Service", "metadata": metadata(Self.service),
      "spec": [
        "selector": ["app": "check"], "ipFamilyPolicy": "PreferDualStack",
        "ports": [
          ["name": "http", "port": .int(Int64(Self.servicePort)), "targetPort": "http"],
          [
            "name": "echo", "port": .int(Int64(Self.udpPort)), "targetPort": .int(Int64(Self.udpPort)),
            "protocol": "UDP",
          ],
        ],
      ],
    ]
  }

  private var headlessObject: JSON {
    [
      "apiVersion": "v1", "kind": "Service", "metadata": metadata(Self.headless),
      "spec": [
        "clusterIP": "None", "selector": ["app": "check"], "ipFamilyPolicy": "PreferDualStack",
        "ports": [["name": "http", "port": .int(Int64(Self.port))]],
      ],
    ]
  }

  /// The public ports from everywhere, the private one from role `a` alone.
  private var policyObject: JSON {
    [
      "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata("check-private"),
      "spec": [
        "podSelector": ["matchLabels": ["app": "check"]], "policyTypes": ["Ingress"],
        "ingress": [
          [
            "ports": [
              ["protocol": "TCP", "port": .int(Int64(Self.port))],
              ["protocol": "UDP", "port": .int(Int64(Self.udpPort))],
            ]
          ],
          [
            "from": [["podSelector": ["matchLabels": ["role": "a"]]]],
            "ports": [["protocol": "TCP", "port": .int(Int64(Self.privatePort))]],
          ],
        ],
      ],
    ]
  }

  private var secretObject: JSON {
    [
      "apiVersion": "v1", "kind": "Secret", "metadata": metadata(Self.secret), "type": "kubernetes.io/tls",
      "stringData": ["tls.crt": .string(certificate), "tls.key": .string(key)],
    ]
  }

  private var ingressObject: JSON {
    let backend: JSON = [
      "service": ["name": .string(Self.service), "port": ["number": .int(Int64(Self.servicePort))]]
    ]
    return [
      "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata("check"),
      "spec": [
        "tls": [["hosts": [.string(Self.host)], "secretName": .string(Self.secret)]],
        "rules": [
          [
            "host": .string(Self.host),
            "http": ["paths": [["path": .string(Self.path), "pathType": "Prefix", "backend": backend]]],
          ]
        ],
      ],
    ]
  }
}
