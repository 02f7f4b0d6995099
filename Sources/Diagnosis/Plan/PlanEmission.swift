internal import Addressing
internal import JSON

/// A configuration that makes a cluster with a plan's ranges.
package enum PlanEmission: String, Hashable, Sendable, CaseIterable {
  /// ClusterConfiguration v1beta4, and KubeletConfiguration v1beta1 where pods are not the usual 110.
  case kubeadm
  /// Cluster v1alpha4.
  case kind
  /// flannel's net-conf.json.
  case flannel
  /// Options of `swiftlet server`, `agent` and `lab up`.
  case swiftlet

  /// The configuration of a complete and sound request.
  package func text(of request: PlanRequest) -> String {
    switch self {
    case .kubeadm: Self.kubeadm(request)
    case .kind: Self.kind(request)
    case .flannel: Self.flannel(request)
    case .swiftlet: Self.swiftlet(request)
    }
  }

  private static func list(_ ranges: [PlannedRange]) -> String { ranges.map { "\($0.prefix)" }.joined(separator: ",") }

  /// kube-controller-manager's flags for a node's part; of two families each has its own.
  private static func maskFlags(_ request: PlanRequest) -> [(name: String, length: Int)] {
    let families = request.families
    if families.count == 1 { return [("node-cidr-mask-size", request.nodeMask(families[0]))] }
    return families.map { ("node-cidr-mask-size-\($0.name.lowercased())", request.nodeMask($0)) }
  }

  private static func kubeadm(_ request: PlanRequest) -> String {
    var text = """
      apiVersion: kubeadm.k8s.io/v1beta4
      kind: ClusterConfiguration
      networking:
        podSubnet: "\(list(request.pods))"
        serviceSubnet: "\(list(request.services))"
      controllerManager:
        extraArgs:

      """
    for flag in maskFlags(request) { text += "  - name: \(flag.name)\n    value: \"\(flag.length)\"\n" }
    if let pods = request.demand.podsPerNode, pods != 110 {
      text += """
        ---
        apiVersion: kubelet.config.k8s.io/v1beta1
        kind: KubeletConfiguration
        maxPods: \(pods)

        """
    }
    return text
  }

  private static func kind(_ request: PlanRequest) -> String {
    let families = request.families
    let family = families.count == 2 ? "dual" : families[0].name.lowercased()
    // A kind cluster stands on one machine: the plan's hundred nodes are for the real one.
    let workers = min(request.demand.nodes ?? 1, 5)
    var text = """
      kind: Cluster
      apiVersion: kind.x-k8s.io/v1alpha4
      networking:
        ipFamily: \(family)
        podSubnet: "\(list(request.pods))"
        serviceSubnet: "\(list(request.services))"

      """
    var patch = ""
    if families.contains(where: { request.nodeMask($0) != PlanRequest.usualNodeMask($0) }) {
      // kind writes kubeadm's v1beta3, whose extraArgs are a map.
      patch += "- |\n  kind: ClusterConfiguration\n  controllerManager:\n    extraArgs:\n"
      for flag in maskFlags(request) { patch += "      \(flag.name): \"\(flag.length)\"\n" }
    }
    if let pods = request.demand.podsPerNode, pods != 110 {
      patch += "- |\n  kind: KubeletConfiguration\n  maxPods: \(pods)\n"
    }
    if !patch.isEmpty { text += "kubeadmConfigPatches:\n" + patch }
    text += "nodes:\n- role: control-plane\n"
    for _ in 0..<workers { text += "- role: worker\n" }
    return text
  }

  private static func flannel(_ request: PlanRequest) -> String {
    var json: JSON = [:]
    json["EnableIPv4"] = .bool(request.families.contains(.v4))
    json["EnableIPv6"] = .bool(request.families.contains(.v6))
    for range in request.pods {
      let mask = JSON.int(Int64(request.nodeMask(range.family)))
      switch range.family {
      case .v4:
        json["Network"] = .string("\(range.prefix)")
        json["SubnetLen"] = mask
      case .v6:
        json["IPv6Network"] = .string("\(range.prefix)")
        json["IPv6SubnetLen"] = mask
      }
    }
    json["Backend"] = ["Type": "vxlan"]
    return json.prettyDescription() + "\n"
  }

  private static func swiftlet(_ request: PlanRequest) -> String {
    func flags(_ name: String, _ ranges: [PlannedRange]) -> String {
      ranges.map { " --\(name) \($0.prefix)" }.joined()
    }
    let cluster = flags("pod-range", request.pods) + flags("service-range", request.services)
    let nodes = flags("node-range", request.nodes)
    let dns = request.services.compactMap { $0.prefix.address(at: 10) }.map { " --cluster-dns \($0)" }.joined()
    let unusual = request.families.filter { request.nodeMask($0) != PlanRequest.usualNodeMask($0) }
    let masks = unusual.map { " --node-mask\($0 == .v6 ? "-ipv6" : "") \(request.nodeMask($0))" }.joined()
    var text = "swiftlet server\(cluster)\(masks)\n"
    text += "swiftlet agent --kubeconfig FILE --node-name NAME\(cluster)\(nodes)\(dns)\n"
    // A lab's nodes get the usual part of the pod range, and there are a hundred of them at most.
    if unusual.isEmpty { text += "swiftlet lab up --nodes \(min(request.demand.nodes ?? 3, 100))\(cluster)\(nodes)\n" }
    return text
  }
}
