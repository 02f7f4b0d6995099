package import Addressing
internal import CLinux
internal import Glibc
internal import Kubernetes
internal import Linux
internal import Netlink
package import NodeRouting

/// Whether this machine can carry a lab: found out by trying, in a network namespace that goes away by itself, before
/// anything is made. Each thing missing is one sentence with the remedy.
package enum Preflight {
  /// What was found.
  package struct Result: Hashable, Sendable {
    /// Folder of our programs.
    package let executables: String
    /// HAProxy is installed, so that there can be a gateway node.
    package let hasProxy: Bool
  }

  package static func run(manifests: [Manifest]) throws -> Result {
    guard geteuid() == 0 else {
      throw LabError("a lab needs root, to make network namespaces and links", remedy: "run it with sudo")
    }
    let executables = try folderOfPrograms()
    let hasProxy = ["/usr/sbin", "/usr/local/sbin", "/usr/bin"].contains { access("\($0)/haproxy", X_OK) == 0 }
    if !hasProxy, let ingress = manifests.first(where: { $0.object.kind == "Ingress" }) {
      throw LabError(
        "HAProxy is not installed, and \(ingress.place) holds an Ingress",
        remedy: "install it with `apt-get install haproxy`")
    }
    do { _ = try ControlGroup.mountPoint() } catch {
      throw LabError(
        "no cgroup v2 file system is mounted", remedy: "mount it with `mount -t cgroup2 none /sys/fs/cgroup`")
    }
    try tryKernel()
    return Result(executables: executables, hasProxy: hasProxy)
  }

  /// Our programs lie beside one another.
  private static func folderOfPrograms() throws -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = try check("readlink /proc/self/exe") { readlink("/proc/self/exe", &buffer, buffer.count) }
    let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let folder = Files.parent(of: path)
    for program in ["swiftlet", "swiftlet-cni", "swiftlet-pause"] where access("\(folder)/\(program)", X_OK) != 0 {
      throw LabError(
        "the program \(program) is missing beside \(path)", remedy: "build all programs with `make build`")
    }
    return folder
  }

  /// Makes in a namespace of no name what a lab is made of.
  package static func tryKernel() throws {
    let namespace = try attempt("network namespaces", "CONFIG_NET_NS") { try NetworkNamespace.create() }
    let routes = try RouteSocket(namespace: namespace)
    typealias Settings = RouteRequest.LinkSettings
    let links: [(String, String, RouteRequest)] = [
      ("bridges", "CONFIG_BRIDGE", .addLink(.bridge, Settings(name: "bridge"))),
      ("veth links", "CONFIG_VETH", .addLink(.veth(peer: Settings(name: "peer"), in: nil), Settings(name: "veth"))),
      (
        "VXLAN links", "CONFIG_VXLAN",
        .addLink(.vxlan(Link.VXLAN(id: 1, port: 8472, local: nil, underlay: nil)), Settings(name: "vxlan"))
      ),
    ]
    for (feature, option, request) in links { try attempt(feature, option) { try routes.perform(request) } }
    try attempt("nftables with NAT", "CONFIG_NF_TABLES_INET and CONFIG_NFT_NAT") {
      var batch = NFTablesBatch()
      let table = NFTable(.inet, "preflight")
      batch.add(table)
      batch.add(
        NFChain("prerouting", NFChain.Base(.nat, .prerouting, priority: NFPriority.destinationNAT)), to: table)
      try NFTablesSocket(namespace: namespace).commit(batch)
    }
  }

  /// Tries what a mode of routing needs of this machine beyond VXLAN, which every lab can have.
  package static func tryRouting(_ mode: RoutingMode, _ families: [IPFamily]) throws {
    let link: (String, String)
    switch mode {
    case .vxlan, .hostGateway, .crossSubnet: return
    case .bgp:
      if ["/usr/sbin", "/usr/local/sbin"].contains(where: { access("\($0)/bird", X_OK) == 0 }) { return }
      throw LabError(
        "--routing bgp needs BIRD 2, which is not installed", remedy: "install it with `apt-get install bird2`")
    case .ipip, .ipipCrossSubnet: link = ("ipip", "CONFIG_NET_IPIP")
    case .wireguard: link = ("wireguard", "CONFIG_WIREGUARD")
    }
    let namespace = try attempt("network namespaces", "CONFIG_NET_NS") { try NetworkNamespace.create() }
    try attempt("\(link.0) links", link.1) {
      // EEXIST: the module makes one of its own in every namespace.
      try RouteSocket(namespace: namespace).perform(
        .addLink(kind: link.0, RouteRequest.LinkSettings(name: "preflight")).accepting(EEXIST))
    }
  }

  private static func attempt<Value>(_ feature: String, _ option: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch {
      let code = (error as? SystemError)?.code ?? (error as? NetlinkError)?.code ?? 0
      if code == EPERM || code == EACCES {
        throw LabError(
          "we may not make \(feature), although we are root (\(error))",
          remedy: "run on the machine itself, or in a container with CAP_NET_ADMIN and CAP_SYS_ADMIN")
      }
      throw LabError(
        "the kernel cannot make \(feature) (\(error))",
        remedy: "use a kernel with \(option), or load its module with modprobe")
    }
  }
}
