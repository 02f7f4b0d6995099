internal import Addressing
internal import ControlPlane
internal import JSON

extension Manifests {
  static let controllersHealthPort = 10288
  /// The Lease for which the replicas stand.
  static let controllersLease = "swiftlet-controllers"

  /// The controllers that the cluster lacks, one of the replicas at work. They are on the nodes' own network: without the
  /// pod ranges that one of them gives out there is no other.
  var controllers: [JSON] {
    let name = "swiftlet-controllers"
    var command = ["/usr/bin/swiftlet", "controllers"]
    for controller in options.controllers.map(\.rawValue).sorted() { command.append("--controller=\(controller)") }
    command.append("--leader-election=\(options.namespace)/\(Self.controllersLease)")
    // Of those that give out addresses each leaves the cluster's own ranges alone.
    for range in options.podRanges { command.append("--pod-range=\(range)") }
    for range in options.serviceRanges { command.append("--service-range=\(range)") }
    if options.controllers.contains(.nodeRanges) {
      if let length = options.nodeMask { command.append("--node-mask=\(length)") }
      if let length = options.nodeMaskIPv6 { command.append("--node-mask-ipv6=\(length)") }
    }
    command.append("--health=127.0.0.1:\(Self.controllersHealthPort)")
    var container: JSON = [
      "name": "controllers", "image": .string(options.image),
      "command": .array(command.map { .string($0) }), "env": environment,
      "resources": ["requests": ["cpu": "20m", "memory": "48Mi"]],
      "securityContext": [
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true, "runAsUser": 65532,
        "capabilities": ["drop": ["ALL"]],
      ],
    ]
    for (key, probe) in probes(port: Self.controllersHealthPort, isOnNode: true) { container[key] = probe }
    let deployment: JSON = [
      "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(name, component: "controllers"),
      "spec": [
        "replicas": 2, "selector": ["matchLabels": labels("controllers")],
        "strategy": ["type": "RollingUpdate", "rollingUpdate": ["maxSurge": 0, "maxUnavailable": 1]],
        "template": [
          "metadata": ["labels": labels("controllers")],
          "spec": [
            "serviceAccountName": .string(name), "hostNetwork": true, "dnsPolicy": "Default",
            "priorityClassName": "system-cluster-critical",
            "nodeSelector": ["kubernetes.io/os": "linux"],
            "tolerations": [
              ["key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"],
              ["key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"],
              ["key": "node.kubernetes.io/network-unavailable", "operator": "Exists", "effect": "NoSchedule"],
              ["key": "node.cloudprovider.kubernetes.io/uninitialized", "operator": "Exists", "effect": "NoSchedule"],
            ],
            "affinity": [
              "podAntiAffinity": [
                "requiredDuringSchedulingIgnoredDuringExecution": [
                  ["labelSelector": ["matchLabels": labels("controllers")], "topologyKey": "kubernetes.io/hostname"]
                ]
              ]
            ],
            "containers": [container],
          ],
        ],
      ],
    ]
    return account(
      name, component: "controllers", cluster: Access.controllers(options.controllers),
      own: Access.election(Self.controllersLease)) + [deployment]
  }
}
