internal import Addressing
internal import Glibc
internal import Kubernetes
internal import Linux
internal import Streaming

/// `swiftlet lab runtime`: the runtime of one node, in the node's network namespace, until SIGTERM. Pods outlive it.
enum LabRuntimeCommand {
  static func run(_ arguments: [String]) throws -> Int32 {
    let given = try CommandLineOptions(
      arguments,
      known: [
        .init("kubeconfig", "FILE", "the way to the API"), .init("node-name", "NAME", "name of the Node object"),
        .init("node-address", "ADDRESS", "InternalIP of the node; once a family"),
        .init("cni-conf-dir", "DIR", "where the CNI configuration appears"),
        .init("cni-bin-dir", "DIR", "where CNI plugins are"), .init("state-dir", "DIR", "where pods are remembered"),
        .init("cluster-dns", "ADDRESS", "nameserver of pods; once a family"),
        .init("pause", "FILE", "the program swiftlet-pause"),
        .init("resolv-conf", "FILE", "the node's own resolv.conf"),
        .init("cgroup", "DIR", "control group below which each pod gets one"),
        .init("server-identity", "PREFIX", "PREFIX.crt and PREFIX.key, to serve logs, commands and ports with"),
        .init("control-plane", nil, "the node has that role, and its taint NoSchedule"),
      ])
    Signals.block([SIGTERM, SIGINT])
    Signals.ignoreBrokenPipes()
    func addresses(_ option: String) throws(UsageError) -> [IPAddress] {
      var addresses: [IPAddress] = []
      for text in given.all(option) {
        do { addresses.append(try IPAddress(parsing: text)) } catch { throw UsageError("option --\(option): \(error)") }
      }
      return addresses
    }
    var configuration = NodeRuntimeConfiguration(
      nodeName: try given.required("node-name"), nodeAddresses: try addresses("node-address"),
      stateDirectory: try given.required("state-dir"),
      networkConfigurationDirectory: try given.required("cni-conf-dir"),
      networkBinaryDirectories: given.all("cni-bin-dir"), pauseProgram: try given.required("pause"),
      clusterDNS: try addresses("cluster-dns"))
    if let file = given["resolv-conf"] { configuration.resolverConfiguration = file }
    configuration.controlGroup = given["cgroup"]
    configuration.isControlPlane = given.has("control-plane")
    let log = Log("runtime")
    configuration.log = { log.info($0) }

    let kubeconfig = try KubeConfig(file: try given.required("kubeconfig"))
    if let prefix = given["server-identity"] {
      guard let authority = kubeconfig.certificateAuthority else {
        throw UsageError(
          "option --server-identity: the kubeconfig has no certificate-authority to know the API server by")
      }
      let context = try TLSContext(
        isServer: true, certificate: try Files.readText("\(prefix).crt"), key: try Files.readText("\(prefix).key"),
        authority: String(decoding: authority, as: UTF8.self))
      configuration.streams = NodeServerConfiguration(context: context)
    }
    let runtime = try NodeRuntime(configuration, client: APIClient(HTTPTransport(kubeconfig), fieldManager: "kubelet"))
    runtime.start()
    let signals = try Signals.descriptor([SIGTERM, SIGINT])
    var entry = pollfd(fd: signals.raw, events: Int16(POLLIN), revents: 0)
    while Signals.read(signals).isEmpty { poll(&entry, 1, -1) }
    log.info("asked to end; pods go on")
    runtime.stop()
    return 0
  }
}
