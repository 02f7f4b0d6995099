import Addressing
import Diagnosis

/// The command lines of the lab's processes: the contract between the lab and the roles it starts.
package struct LabCommands: Sendable {
  package let site: LabSite
  package let lab: LabConfiguration

  package init(site: LabSite, lab: LabConfiguration) {
    self.site = site
    self.lab = lab
  }

  private var swiftlet: String { "\(lab.executables)/swiftlet" }
  private var apiAddress: String { "\(lab.control.address):\(LabConfiguration.apiPortInside)" }

  /// What the supervisor starts, in this order.
  package var processes: [ManagedProcess] {
    [outside, server] + lab.nodes.flatMap { [agent($0), runtime($0)] }
  }

  /// The API server, controllers and scheduler. It listens in the control node's namespace and on the descriptor of the
  /// host's 127.0.0.1.
  package var server: ManagedProcess {
    ManagedProcess(
      name: "server",
      argv: [
        swiftlet, "server",
        "--data-dir", site.serverData,
        "--listen", apiAddress,
        "--listen-fd", "3",
        "--advertise-address", "\(lab.control.address)",
        "--pod-range", "\(lab.ranges.pods.prefix)",
        "--service-range", "\(lab.ranges.services.prefix)",
      ],
      node: lab.control.name, inheritsListener: true)
  }

  /// The network of one node.
  package func agent(_ node: LabNode) -> ManagedProcess {
    ManagedProcess(
      name: "agent-\(node.name)",
      argv: [
        swiftlet, "agent",
        "--kubeconfig", site.nodeKubeconfig(node.name),
        "--node-name", node.name,
        "--cni-conf-dir", site.cniConfiguration(node.name),
        "--data-dir", site.leases(node.name),
        "--pod-range", "\(lab.ranges.pods.prefix)",
        "--service-range", "\(lab.ranges.services.prefix)",
        "--node-range", "\(lab.ranges.nodes.prefix)",
        "--cluster-dns", "\(lab.ranges.dnsServiceAddress)",
        "--upstream-dns", "\(LabConfiguration.outsideResolver)",
        "--state-dir", site.agentState(node.name),
      ] + (node.isGateway ? ["--gateway"] : []),
      node: node.name, requires: [site.nodeKubeconfig(node.name)])
  }

  /// What kubelet is on a real node: pods become sandboxes and processes.
  package func runtime(_ node: LabNode) -> ManagedProcess {
    ManagedProcess(
      name: "runtime-\(node.name)",
      argv: [
        swiftlet, "lab", "node",
        "--kubeconfig", site.nodeKubeconfig(node.name),
        "--node-name", node.name,
        "--node-address", "\(node.address)",
        "--cni-conf-dir", site.cniConfiguration(node.name),
        "--cni-bin-dir", lab.executables,
        "--state-dir", site.runtimeState(node.name),
        "--cluster-dns", "\(lab.ranges.dnsServiceAddress)",
        "--pause", "\(lab.executables)/swiftlet-pause",
        "--resolv-conf", site.resolverConfiguration(node.name),
      ] + podGroups + (node.name == lab.control.name ? ["--control-plane"] : []),
      node: node.name, requires: [site.nodeKubeconfig(node.name)])
  }

  /// Below this control group each pod gets one, so that whatever a container started ends with it.
  private var podGroups: [String] { LabInventory.group(site).map { ["--cgroup", "\($0.path)/pods"] } ?? [] }

  /// The outside world: a resolver and a web server in the fabric.
  package var outside: ManagedProcess {
    ManagedProcess(name: "outside", argv: [swiftlet, "lab", "outside"], node: "fabric")
  }
}
