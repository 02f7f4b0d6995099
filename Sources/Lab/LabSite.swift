/// Where a lab lives on the machine: every name it makes begins here, so that `lab down` finds all of it without help.
package struct LabSite: Sendable {
  /// Folder of all files: `/run/swiftlet/lab`.
  package let root: String
  /// Folder of named network namespaces, as `ip netns` uses it.
  package let namespaceFolder: String
  /// What the names of our network namespaces begin with.
  package let namespacePrefix: String
  /// Name of the control group (v2) that holds every process.
  package let controlGroup: String

  package init(
    root: String = "/run/swiftlet/lab", namespaceFolder: String = "/run/netns", namespacePrefix: String = "swiftlet-",
    controlGroup: String = "swiftlet-lab"
  ) {
    self.root = root
    self.namespaceFolder = namespaceFolder
    self.namespacePrefix = namespacePrefix
    self.controlGroup = controlGroup
  }

  /// The lab of a name; each name is a lab of its own, so that several can run side by side. The usual one is `lab`.
  package init(name: String) throws(LabError) {
    let isName = name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
    guard isName, (1...12).contains(name.utf8.count) else {
      throw LabError(
        "\"\(name)\" is no name for a lab", remedy: "set SWIFTLET_LAB to at most 12 lower-case letters and digits")
    }
    self.init(
      root: "/run/swiftlet/\(name)", namespacePrefix: name == "lab" ? "swiftlet-" : "swiftlet_\(name)-",
      controlGroup: "swiftlet-\(name)")
  }

  /// The path at which a node's network namespace is mounted; `fabric` is no node, but has one too.
  package func namespacePath(_ node: String) -> String { "\(namespaceFolder)/\(namespacePrefix)\(node)" }

  package var configurationFile: String { "\(root)/lab.json" }
  /// Held with a lock by the supervisor as long as it lives.
  package var lockFile: String { "\(root)/supervisor.lock" }
  package var processesFile: String { "\(root)/processes.json" }
  package var logFolder: String { "\(root)/logs" }
  package func logFile(_ process: String) -> String { "\(logFolder)/\(process).log" }
  /// The kubeconfig for people, over 127.0.0.1.
  package var kubeconfig: String { "\(root)/kubeconfig" }
  package var tokenFile: String { "\(serverData)/tokens.csv" }
  package var serverData: String { "\(root)/server" }

  /// The certificate of the API server's authority, made by the server when it first starts.
  package var certificateAuthority: String { "\(serverData)/ca.crt" }

  package func nodeFolder(_ node: String) -> String { "\(root)/nodes/\(node)" }
  /// The kubeconfig of a node's processes, over the node network.
  package func nodeKubeconfig(_ node: String) -> String { "\(nodeFolder(node))/kubeconfig" }
  /// `PREFIX.crt` and `PREFIX.key`: what the node shows to the API server, which asks it for logs and commands.
  package func nodeServerIdentity(_ node: String) -> String { "\(nodeFolder(node))/server" }
  /// The CNI configuration folder of a node (`--cni-conf-dir`).
  package func cniConfiguration(_ node: String) -> String { "\(nodeFolder(node))/cni/net.d" }
  /// Leases of pod addresses: host-local's layout below it.
  package func leases(_ node: String) -> String { "\(nodeFolder(node))/cni/networks" }
  package func agentState(_ node: String) -> String { "\(nodeFolder(node))/agent" }
  /// The node's own resolv.conf, which pods with dnsPolicy Default get.
  package func resolverConfiguration(_ node: String) -> String { "\(nodeFolder(node))/resolv.conf" }
  package func runtimeState(_ node: String) -> String { "\(nodeFolder(node))/runtime" }
}
