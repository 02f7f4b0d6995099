internal import Addressing
internal import JSON

extension Manifests {
  /// Name servers behind the Service of the cluster DNS address, for whatever the nodes' own do not answer: nodes without an
  /// agent, and agents that are being replaced. Their pods carry the label by which the Service `kube-dns` of kubeadm and
  /// others selects CoreDNS: they join it beside CoreDNS, and carry on when that is scaled to nothing.
  var dns: [JSON] {
    let name = "swiftlet-dns"
    let selector: JSON = ["app.kubernetes.io/name": "swiftlet", "app.kubernetes.io/component": "dns"]
    var podLabels = selector
    podLabels["k8s-app"] = "kube-dns"
    var command = ["/usr/bin/swiftlet", "dns", "--cluster-domain=\(options.clusterDomain)"]
    for range in options.podRanges + options.serviceRanges { command.append("--cluster-range=\(range)") }
    for address in options.upstreamDNS { command.append("--upstream-dns=\(address)") }
    func probe(_ path: String, _ port: Int64) -> JSON {
      ["httpGet": ["path": .string(path), "port": .int(port)], "periodSeconds": 10, "failureThreshold": 5]
    }
    let container: JSON = [
      "name": "dns", "image": .string(options.image), "command": .array(command.map { .string($0) }),
      "env": environment,
      "ports": [
        ["name": "dns", "containerPort": 53, "protocol": "UDP"],
        ["name": "dns-tcp", "containerPort": 53, "protocol": "TCP"],
        ["name": "metrics", "containerPort": 9153, "protocol": "TCP"],
      ],
      "resources": ["requests": ["cpu": "50m", "memory": "64Mi"]],
      "livenessProbe": probe("/health", 8080), "readinessProbe": probe("/ready", 8181),
      "securityContext": [
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
        "capabilities": ["drop": ["ALL"], "add": ["NET_BIND_SERVICE"]],
      ],
      "volumeMounts": [["name": "run", "mountPath": "/run/swiftlet"]],
    ]
    let pod: JSON = [
      "serviceAccountName": .string(name), "dnsPolicy": "Default", "priorityClassName": "system-cluster-critical",
      "nodeSelector": ["kubernetes.io/os": "linux"],
      "tolerations": [
        ["key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"],
        ["key": "CriticalAddonsOnly", "operator": "Exists"],
      ],
      "topologySpreadConstraints": [
        [
          "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
          "labelSelector": ["matchLabels": selector],
        ]
      ],
      "containers": [container], "volumes": [["name": "run", "emptyDir": [:]]],
    ]
    let deployment: JSON = [
      "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(name, component: "dns"),
      "spec": [
        "replicas": .int(Int64(options.dnsReplicas)), "selector": ["matchLabels": selector],
        "strategy": ["type": "RollingUpdate", "rollingUpdate": ["maxUnavailable": 1]],
        "template": ["metadata": ["labels": podLabels], "spec": pod],
      ],
    ]
    return account(name, component: "dns", cluster: Access.dns) + [dnsService, deployment]
  }

  /// As kubeadm makes it for CoreDNS, so that applying it over that one changes nothing.
  private var dnsService: JSON {
    let families = options.clusterDNS.map { JSON.string($0.family.name) }
    var metadata = metadata("kube-dns", component: "dns")
    metadata["labels", "k8s-app"] = "kube-dns"
    metadata["labels", "kubernetes.io/cluster-service"] = "true"
    return [
      "apiVersion": "v1", "kind": "Service", "metadata": metadata,
      "spec": [
        "selector": ["k8s-app": "kube-dns"],
        "clusterIP": .string("\(options.clusterDNS[0])"),
        "clusterIPs": .array(options.clusterDNS.map { .string("\($0)") }), "ipFamilies": .array(families),
        "ipFamilyPolicy": families.count > 1 ? "RequireDualStack" : "SingleStack",
        "ports": [
          ["name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53],
          ["name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53],
          ["name": "metrics", "port": 9153, "protocol": "TCP", "targetPort": 9153],
        ],
      ],
    ]
  }
}
