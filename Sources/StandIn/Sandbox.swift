internal import CLinux
internal import Glibc
internal import Linux
internal import Netlink

/// The process that holds a pod's namespaces, so that a container that ends and begins again finds the pod's address as
/// it was.
package enum Sandbox {
  /// Makes the namespaces, writes one byte to standard output, and waits for SIGTERM or SIGINT.
  ///
  /// Call it on the only thread: unshare(2) of the mount namespace moves one thread alone.
  package static func run(_ options: SandboxOptions) throws {
    Signals.block([SIGTERM, SIGINT, SIGCHLD, SIGHUP])
    if let file = options.identityFile { try IdentityFile.writeOwn(file) }
    if let path = options.controlGroup { try ControlGroup(path: path).add(0) }

    var flags = CInt(swiftlet_CLONE_NEWNS | swiftlet_CLONE_NEWUTS | swiftlet_CLONE_NEWIPC)
    if !options.usesHostNetwork { flags |= CInt(swiftlet_CLONE_NEWNET) }
    try checkedResult("unshare the sandbox's namespaces (are we root?)", swiftlet_unshare(flags))
    try check("sethostname \(options.hostname)") { sethostname(options.hostname, options.hostname.utf8.count) }
    // Nothing mounted inside may appear outside, nor keep what the host unmounts.
    try check("make mounts private") { mount("none", "/", nil, UInt(MS_REC | MS_PRIVATE), nil) }
    for (source, target) in [
      (options.resolverConfiguration, "/etc/resolv.conf"), (options.hosts, "/etc/hosts"),
      (options.hostnameFile, "/etc/hostname"),
    ] {
      if let source { try bind(source, over: target) }
    }
    if !options.usesHostNetwork { try raiseLoopback() }

    try writeReady(to: STDOUT_FILENO)
    waitForEnd()
  }

  private static func bind(_ source: String, over target: String) throws(SystemError) {
    // A host may lack the file (a dangling link to systemd-resolved's, for one); a container of ours then has none either.
    guard Files.exists(target) else {
      writeDiagnostic("sandbox: the host has no \(target), so \(source) does not appear there")
      return
    }
    try check("bind \(source) over \(target)") { mount(source, target, nil, UInt(MS_BIND), nil) }
  }

  private static func raiseLoopback() throws {
    let socket = try NetlinkSocket(NETLINK_ROUTE)
    var link = ifinfomsg()
    link.ifi_index = 1  // the loopback is a namespace's first link
    link.ifi_flags = UInt32(IFF_UP)
    link.ifi_change = UInt32(IFF_UP)
    let up = link
    try socket.request("set lo up", type: UInt16(RTM_NEWLINK)) { $0.append(structure: up) }
  }

  /// Reaps whatever falls to it, until it is asked to end.
  private static func waitForEnd() {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in [SIGTERM, SIGINT, SIGCHLD] { sigaddset(&set, signal) }
    while true {
      let signal = sigwaitinfo(&set, nil)
      if signal == SIGTERM || signal == SIGINT { return }
      while waitpid(-1, nil, WNOHANG) > 0 {}
    }
  }
}

/// Tells whoever waits at a descriptor that we are ready. Nobody waiting is no error.
func writeReady(to raw: CInt) throws(SystemError) {
  signal(SIGPIPE, SIG_IGN)
  var byte = UInt8(ascii: "\n")
  if write(raw, &byte, 1) != 1, errno != EPIPE { throw SystemError("tell readiness on descriptor \(raw)") }
}

/// One line on standard error, after the program's name.
package func writeDiagnostic(_ text: String) {
  let bytes = Array("swiftlet-pause: \(text)\n".utf8)
  _ = write(STDERR_FILENO, bytes, bytes.count)
}
