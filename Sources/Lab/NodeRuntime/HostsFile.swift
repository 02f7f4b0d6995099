internal import JSON

/// The text of a pod's /etc/hosts, as kubelet writes it.
enum HostsFile {
  /// - Parameters:
  ///   - addresses: the pod's; empty while it has none.
  ///   - nodeHosts: the node's own file, which pods on the host's network get.
  static func text(
    _ pod: PodManifest, addresses: [String], nodeName: String, clusterDomain: String, nodeHosts: String
  ) -> String {
    var text: String
    if pod.usesHostNetwork {
      text = "# Kubernetes-managed hosts file (host network).\n" + nodeHosts
      if !text.hasSuffix("\n") { text += "\n" }
    } else {
      text = """
        # Kubernetes-managed hosts file.
        127.0.0.1\tlocalhost
        ::1\tlocalhost ip6-localhost ip6-loopback
        fe00::0\tip6-localnet
        fe00::0\tip6-mcastprefix
        fe00::1\tip6-allnodes
        fe00::2\tip6-allrouters

        """
      let name = pod.hostname(nodeName: nodeName)
      let full = pod.fullyQualifiedName(nodeName: nodeName, clusterDomain: clusterDomain)
      for address in addresses { text += "\(address)\t" + (full.map { "\($0)\t" } ?? "") + "\(name)\n" }
    }
    let aliases = pod.object["spec", "hostAliases"].elements
    if !aliases.isEmpty { text += "\n# Entries added by HostAliases.\n" }
    for alias in aliases {
      let names = alias["hostnames"].elements.compactMap(\.string)
      text += ([alias["ip"].string ?? ""] + names).joined(separator: "\t") + "\n"
    }
    return text
  }
}
