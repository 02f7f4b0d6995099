internal import Addressing
internal import JSON
internal import Kubernetes
internal import Linux
internal import NodeAgent

extension Manifests {
  static let healthPort = 10268
  static let gatewayHealthPort = 10278
  static let configurationFolder = "/etc/swiftlet"
  /// The label of nodes that serve Ingresses.
  static let gatewayLabel = "swiftlet.dev/gateway"

  /// The agent of every node.
  var agent: [JSON] {
    let name = "swiftlet-agent"
    let configuration = configuration(planes: options.planes, healthPort: Self.healthPort)
    let text = YAMLWriter.text(configuration)
    var mounts = [HostMount(name: "state", path: "/run/swiftlet"), .modules]
    var initContainers: [JSON] = []
    if options.components.contains(.services) { mounts.append(.xtablesLock) }
    if options.components.contains(.podNetwork) {
      mounts += HostMount.podNetwork
      initContainers.append([
        "name": "install-cni", "image": .string(options.image),
        "command": ["/usr/bin/swiftlet", "install-cni", "--target", "/opt/cni/bin"],
        "securityContext": [
          "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
          "capabilities": ["drop": ["ALL"], "add": ["DAC_OVERRIDE"]],
        ],
        "volumeMounts": [HostMount.plugins.mount],
      ])
    }
    return
      account(
        name, component: "agent",
        cluster: Access.agent(planes: options.planes, usesBGP: options.routing == .bgp),
        own: options.planes.contains("announcing") ? Access.announcing : [])
      + [
        configMap(name, component: "agent", text, bgp: options.bgpConfiguration),
        daemonSet(
          name, component: "agent", configuration: text + (options.bgpConfiguration ?? ""), mounts: mounts,
          initContainers: initContainers,
          healthPort: Self.healthPort, selector: [:],
          capabilities: options.needsWholeNode ? nil : ["NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE"]),
      ]
  }

  /// The Ingress gateway of the nodes labelled for it, with an account of its own: it alone reads Secrets.
  var gateway: [JSON] {
    let name = "swiftlet-gateway"
    var configuration = configuration(planes: ["gateway"], healthPort: Self.gatewayHealthPort)
    configuration["gateway"] = true
    configuration["state-dir"] = "/run/swiftlet-gateway"
    let text = YAMLWriter.text(configuration)
    return account(name, component: "gateway", cluster: Access.gateway)
      + [
        configMap(name, component: "gateway", text),
        daemonSet(
          name, component: "gateway", configuration: text,
          mounts: [HostMount(name: "state", path: "/run/swiftlet-gateway")], initContainers: [],
          healthPort: Self.gatewayHealthPort, selector: [Self.gatewayLabel: ""], capabilities: ["NET_BIND_SERVICE"]),
      ]
  }

  private func configMap(_ name: String, component: String, _ text: String, bgp: String? = nil) -> JSON {
    var data: JSON = ["agent.yaml": .string(text)]
    if let bgp { data["bgp.yaml"] = .string(bgp) }
    return [
      "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(name, component: component), "data": data,
    ]
  }

  /// The agent's options as its `--config` reads them.
  private func configuration(planes: Set<String>, healthPort: Int) -> JSON {
    func texts(_ values: [some CustomStringConvertible]) -> JSON { .array(values.map { .string($0.description) }) }
    var configuration: JSON = [
      "pod-range": texts(options.podRanges), "service-range": texts(options.serviceRanges),
    ]
    if !options.nodeRanges.isEmpty { configuration["node-range"] = texts(options.nodeRanges) }
    if planes.contains("routing") {
      configuration["routing"] = .string(options.routing.rawValue)
      if options.bgpConfiguration != nil {
        configuration["bgp-config"] = .string("\(Self.configurationFolder)/bgp.yaml")
      }
      if let wiring = options.wiring { configuration["wiring"] = .string(wiring) }
    }
    if planes.contains("dns") {
      configuration["cluster-dns"] = texts(options.clusterDNS)
      configuration["cluster-domain"] = .string(options.clusterDomain)
      if !options.upstreamDNS.isEmpty { configuration["upstream-dns"] = texts(options.upstreamDNS) }
    }
    if planes.contains("announcing") { configuration["announce-namespace"] = .string(options.namespace) }
    let without = AgentConfiguration.planes.filter { !planes.contains($0) }
    if !without.isEmpty { configuration["without"] = texts(without) }
    configuration["health"] = .string("127.0.0.1:\(healthPort)")
    for option in options.agentOptions where planes != ["gateway"] {
      let parts = option.split(separator: "=", maxSplits: 1)
      configuration[String(parts[0])] = parts.count > 1 ? .string(String(parts[1])) : true
    }
    return configuration
  }

  private func daemonSet(
    _ name: String, component: String, configuration: String, mounts: [HostMount],
    initContainers: [JSON], healthPort: Int, selector: JSON, capabilities: [String]?
  ) -> JSON {
    var container: JSON = [
      "name": .string(component), "image": .string(options.image),
      "command": ["/usr/bin/swiftlet", "agent", "--config", .string("\(Self.configurationFolder)/agent.yaml")],
      "env": environment,
      "resources": ["requests": ["cpu": "50m", "memory": "64Mi"]],
    ]
    for (key, probe) in probes(port: healthPort, isOnNode: true) { container[key] = probe }
    if let capabilities {
      container["securityContext"] = [
        "allowPrivilegeEscalation": false,
        "capabilities": ["drop": ["ALL"], "add": .array(capabilities.map { .string($0) })],
      ]
    } else {
      // Settings below /proc/sys are read-only to all other containers.
      container["securityContext"] = ["privileged": true]
    }
    let configurationMount: JSON = ["name": "config", "mountPath": .string(Self.configurationFolder), "readOnly": true]
    container["volumeMounts"] = .array([configurationMount] + mounts.map(\.mount))
    let volumes = initContainers.isEmpty ? mounts : mounts + [.plugins]
    var pod: JSON = [
      "serviceAccountName": .string(name), "hostNetwork": true,
      // Of the node, whose own network comes before the cluster's.
      "dnsPolicy": "Default", "priorityClassName": "system-node-critical", "terminationGracePeriodSeconds": 10,
      "tolerations": [["operator": "Exists"]],
    ]
    var nodes: JSON = ["kubernetes.io/os": "linux"]
    for member in selector.members { nodes[member.key] = member.value }
    pod["nodeSelector"] = nodes
    if !initContainers.isEmpty { pod["initContainers"] = .array(initContainers) }
    pod["containers"] = [container]
    pod["volumes"] = .array([["name": "config", "configMap": ["name": .string(name)]]] + volumes.map(\.volume))
    return [
      "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata(name, component: component),
      "spec": [
        "selector": ["matchLabels": labels(component)],
        "updateStrategy": ["type": "RollingUpdate", "rollingUpdate": ["maxUnavailable": "10%"]],
        "template": [
          "metadata": [
            "labels": labels(component), "annotations": ["swiftlet.dev/config": .string(Self.digest(configuration))],
          ],
          "spec": pod,
        ],
      ],
    ]
  }

  /// Changes with the text, so that pods are replaced when their configuration is (FNV-1a, 64 bits).
  static func digest(_ text: String) -> String {
    let value = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

extension DeployOptions {
  /// Whether the agent changes settings of the kernel below /proc/sys.
  var needsWholeNode: Bool { components.contains(.podNetwork) || components.contains(.services) }
}
