/// What `swiftlet-pause sandbox` is told.
package struct SandboxOptions: Hashable, Sendable {
  package var hostname = ""
  /// Files that appear as /etc/resolv.conf, /etc/hosts and /etc/hostname inside.
  package var resolverConfiguration: String?
  package var hosts: String?
  package var hostnameFile: String?
  /// Stays in the network namespace it was started in.
  package var usesHostNetwork = false
  /// A cgroup v2 directory to join.
  package var controlGroup: String?
  /// Gets the process's number and start time, so that whoever started it finds it again after a crash of its own.
  package var identityFile: String?

  package init() {}

  /// The arguments after the word `sandbox`.
  package init(parsing arguments: [String]) throws(ArgumentError) {
    var reader = ArgumentReader(arguments)
    while let option = try reader.next() {
      switch option {
      case "--hostname": hostname = try reader.value(of: option)
      case "--resolv-conf": resolverConfiguration = try reader.value(of: option)
      case "--hosts": hosts = try reader.value(of: option)
      case "--hostname-file": hostnameFile = try reader.value(of: option)
      case "--host-network": usesHostNetwork = true
      case "--cgroup": controlGroup = try reader.value(of: option)
      case "--identity-file": identityFile = try reader.value(of: option)
      default:
        throw ArgumentError(
          "found \(option), expected --hostname, --resolv-conf, --hosts, --hostname-file, --host-network, --cgroup or "
            + "--identity-file")
      }
    }
    guard !hostname.isEmpty else { throw ArgumentError("--hostname is missing") }
    guard hostname.utf8.count <= 64 else {
      throw ArgumentError("--hostname: found \(hostname.utf8.count) bytes, expected 64 at most (uname(2))")
    }
  }

  /// The arguments after the word `sandbox` that say the same.
  package var arguments: [String] {
    var list = ["--hostname", hostname]
    if let resolverConfiguration { list += ["--resolv-conf", resolverConfiguration] }
    if let hosts { list += ["--hosts", hosts] }
    if let hostnameFile { list += ["--hostname-file", hostnameFile] }
    if usesHostNetwork { list.append("--host-network") }
    if let controlGroup { list += ["--cgroup", controlGroup] }
    if let identityFile { list += ["--identity-file", identityFile] }
    return list
  }
}
