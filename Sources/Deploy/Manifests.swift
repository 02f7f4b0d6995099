internal import Addressing
package import JSON
internal import Kubernetes

/// Everything that is to be applied, in the order in which it can be.
package struct Manifests {
  package let options: DeployOptions

  package init(_ options: DeployOptions) { self.options = options }

  package var objects: [JSON] {
    var objects: [JSON] = []
    // Those of every cluster are there already, and are not ours to describe.
    if !["kube-system", "default", "kube-public"].contains(options.namespace) { objects.append(namespace) }
    if options.needsAgent { objects += agent }
    if options.components.contains(.ingress) { objects += gateway }
    if options.components.contains(.dns) { objects += dns }
    if options.components.contains(.controllers), !options.controllers.isEmpty { objects += controllers }
    return objects
  }

  /// As YAML; `command` is said at the top.
  package func text(command: String) -> String {
    "# Rendered by: \(command)\n" + YAMLWriter.text(objects)
  }

  private var namespace: JSON {
    [
      "apiVersion": "v1", "kind": "Namespace",
      "metadata": [
        "name": .string(options.namespace), "labels": ["pod-security.kubernetes.io/enforce": "privileged"],
      ],
    ]
  }

  /// What every object of ours carries.
  func metadata(_ name: String, component: String, isNamespaced: Bool = true) -> JSON {
    var metadata: JSON = ["name": .string(name)]
    if isNamespaced { metadata["namespace"] = .string(options.namespace) }
    metadata["labels"] = labels(component)
    return metadata
  }

  func labels(_ component: String) -> JSON {
    ["app.kubernetes.io/name": "swiftlet", "app.kubernetes.io/component": .string(component)]
  }

  /// A ServiceAccount with rules for the whole cluster and for the own namespace.
  func account(_ name: String, component: String, cluster: [Grant], own: [Grant] = []) -> [JSON] {
    let subjects: JSON = [
      ["kind": "ServiceAccount", "name": .string(name), "namespace": .string(options.namespace)]
    ]
    var objects: [JSON] = [
      ["apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(name, component: component)]
    ]
    for (rules, prefix, isNamespaced) in [(cluster, "Cluster", false), (own, "", true)] where !rules.isEmpty {
      let metadata = metadata(name, component: component, isNamespaced: isNamespaced)
      objects.append([
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": .string(prefix + "Role"), "metadata": metadata,
        "rules": .array(rules.map(\.json)),
      ])
      objects.append([
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": .string(prefix + "RoleBinding"), "metadata": metadata,
        "roleRef": [
          "apiGroup": "rbac.authorization.k8s.io", "kind": .string(prefix + "Role"), "name": .string(name),
        ],
        "subjects": subjects,
      ])
    }
    return objects
  }

  /// The node's name, and where the API server is for those who cannot use the Service `kubernetes`.
  var environment: JSON {
    var variables: [JSON] = [
      ["name": "NODE_NAME", "valueFrom": ["fieldRef": ["fieldPath": "spec.nodeName"]]],
      ["name": "POD_NAME", "valueFrom": ["fieldRef": ["fieldPath": "metadata.name"]]],
    ]
    if let server = options.apiServer {
      variables += [
        ["name": "KUBERNETES_SERVICE_HOST", "value": .string(server.host)],
        ["name": "KUBERNETES_SERVICE_PORT", "value": .string(String(server.port))],
      ]
    }
    return .array(variables)
  }

  /// Liveness and readiness at a port of the pod's own loopback, or of the pod's address.
  func probes(port: Int, isOnNode: Bool) -> [(String, JSON)] {
    func probe(_ path: String, _ times: JSON) -> JSON {
      var action: JSON = ["path": .string(path), "port": .int(Int64(port))]
      // On the node's network the kubelet asks at the loopback, which nobody else can.
      if isOnNode { action["host"] = "127.0.0.1" }
      var probe: JSON = ["httpGet": action]
      for member in times.members { probe[member.key] = member.value }
      return probe
    }
    return [
      ("livenessProbe", probe("/livez", ["initialDelaySeconds": 15, "periodSeconds": 20, "failureThreshold": 3])),
      ("readinessProbe", probe("/readyz", ["periodSeconds": 5, "failureThreshold": 3])),
    ]
  }
}
