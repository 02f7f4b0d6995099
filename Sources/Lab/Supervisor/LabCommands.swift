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

  /// What the supervisor starts, in this order: nothing on nodes that are powered off.
  package var processes: [ManagedProcess] {
    [outside, server] + lab.nodes.filter { $0.state != .killed }.flatMap { [agent($0), runtime($0)] }
  }

  /// The command-line words for an option that is given once for each value.
  private func each(_ option: String, _ values: [some CustomStringConvertible]) -> [String] {
    values.flatMap { ["--\(option)", "\($0)"] }
  }
  private func each(_ option: String, _ ranges: [PlannedRange]) -> [String] { each(option, ranges.map(\.prefix)) }

  /// The API server, controllers and scheduler. It listens in the control node's namespace and on the descriptor of the
  /// host's 127.0.0.1.
  package var server: ManagedProcess {
    ManagedProcess(
      name: "server",
      argv: [
        swiftlet, "server",
        "--data-dir", site.serverData,
        "--listen-fd", "3",
      ] + each("listen", lab.control.addresses.map { AddressAndPort($0, UInt16(LabConfiguration.apiPortInside)) })
        + each("advertise-address", lab.control.addresses) + each("pod-range", lab.ranges.podRanges)
        + each("service-range", lab.ranges.serviceRanges),
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
        "--state-dir", site.agentState(node.name),
        "--routing", node.routing.rawValue,
      ] + (lab.wiring == "bridge" ? [] : ["--wiring", lab.wiring])
        + (lab.servicesBackend == "nftables" ? [] : ["--services-backend", lab.servicesBackend])
        + each("pod-range", lab.ranges.podRanges)
        + each("service-range", lab.ranges.serviceRanges) + each("node-range", lab.ranges.nodeRanges)
        + each("cluster-dns", lab.ranges.dnsServiceAddresses)
        + each("upstream-dns", lab.families.map(OutsideAddresses.resolver))
        + (node.isGateway ? ["--gateway", "--gateway-tells=node"] : []),
      node: node.name, requires: [site.nodeKubeconfig(node.name)])
  }

  /// What kubelet is on a real node: pods become sandboxes and processes.
  package func runtime(_ node: LabNode) -> ManagedProcess {
    ManagedProcess(
      name: "runtime-\(node.name)",
      argv: [
        swiftlet, "lab", "runtime",
        "--kubeconfig", site.nodeKubeconfig(node.name),
        "--node-name", node.name,
        "--cni-conf-dir", site.cniConfiguration(node.name),
        "--cni-bin-dir", lab.executables,
        "--state-dir", site.runtimeState(node.name),
        "--pause", "\(lab.executables)/swiftlet-pause",
        "--resolv-conf", site.resolverConfiguration(node.name),
        "--server-identity", site.nodeServerIdentity(node.name),
      ] + each("node-address", node.addresses) + each("cluster-dns", lab.ranges.dnsServiceAddresses)
        + podGroups(node) + (node.name == lab.control.name ? ["--control-plane"] : []),
      node: node.name, requires: [site.nodeKubeconfig(node.name)])
  }

  /// Below this control group each pod gets one, so that whatever a container started ends with it.
  private func podGroups(_ node: LabNode) -> [String] {
    LabInventory.group(site, node: node.name).map { ["--cgroup", "\($0.path)/pods"] } ?? []
  }

  /// The outside world: a resolver and a web server in the fabric.
  package var outside: ManagedProcess {
    ManagedProcess(
      name: "outside", argv: [swiftlet, "lab", "outside"] + lab.families.map(\.name), node: Topology.fabric)
  }
}
