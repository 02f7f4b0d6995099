internal import JSON

/// A folder or file of the node inside a container, at the same path.
struct HostMount {
  let name: String
  let path: String
  /// `type` of hostPath; empty: whatever is there.
  var type = "DirectoryOrCreate"
  var isReadOnly = false
  /// What the node mounts below it later is seen too.
  var followsNode = false

  var volume: JSON {
    var host: JSON = ["path": .string(path)]
    if !type.isEmpty { host["type"] = .string(type) }
    return ["name": .string(name), "hostPath": host]
  }

  var mount: JSON {
    var mount: JSON = ["name": .string(name), "mountPath": .string(path)]
    if isReadOnly { mount["readOnly"] = true }
    if followsNode { mount["mountPropagation"] = "HostToContainer" }
    return mount
  }

  static let plugins = HostMount(name: "cni-bin", path: "/opt/cni/bin")
  /// For modules that the kernel's own loader does not find, such as ip_vs.
  static let modules = HostMount(name: "modules", path: "/lib/modules", type: "", isReadOnly: true)
  /// Held by everybody who writes iptables rules.
  static let xtablesLock = HostMount(name: "xtables-lock", path: "/run/xtables.lock", type: "FileOrCreate")
  /// What the runtime's plugin reads and writes.
  static let podNetwork = [
    HostMount(name: "cni-conf", path: "/etc/cni/net.d"), HostMount(name: "leases", path: "/var/lib/cni"),
    HostMount(name: "netns", path: "/run/netns", followsNode: true),
  ]
}
