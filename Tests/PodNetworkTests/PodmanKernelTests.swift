import Addressing
import Glibc
import JSON
import Linux
import Testing

@testable import PodNetwork

private let podmanIsInstalled =
  ["/usr/bin/podman", "/usr/sbin/runc", "/bin/busybox"].allSatisfy { Files.exists($0) } && getuid() == 0

/// Debian's podman with its CNI backend, a real runtime, calls the plugin by the file the agent writes; containers are of
/// busybox, without a registry.
@Suite(.serialized, .enabled(if: podmanIsInstalled)) struct PodmanKernelTests {
  private final class Podman {
    let node: TestNode
    private let directory: String

    init(_ node: TestNode) throws {
      self.node = node
      directory = "\(node.directory)/podman"
      for path in ["bin", "proc", "sys", "dev", "etc", "tmp", "run"] {
        try Files.makeDirectories("\(directory)/rootfs/\(path)")
      }
      try Files.write("\(directory)/rootfs/bin/busybox", Files.read("/bin/busybox"), mode: 0o755)
      for applet in ["sh", "sleep", "ip", "ping", "nc"] {
        try #require(symlink("busybox", "\(directory)/rootfs/bin/\(applet)") == 0)
      }
      try node.configuration.write(to: "\(directory)/net.d/\(PodNetworkConfiguration.fileName)")
      // Limits below the machine's own, and no daemons: neither systemd nor a journal need run.
      try Files.write(
        "\(directory)/containers.conf",
        """
        [containers]
        log_driver = "k8s-file"
        default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
        [network]
        network_backend = "cni"
        cni_plugin_dirs = ["\(Files.parent(of: try TestNode.plugin()))"]
        network_config_dir = "\(directory)/net.d"
        default_network = "\(node.configuration.name)"
        [engine]
        cgroup_manager = "cgroupfs"
        events_logger = "none"
        runtime = "runc"
        """)
    }

    deinit { _ = try? run(["rm", "--all", "--force", "--time", "0"]) }

    func run(_ arguments: [String]) throws -> ChildProcess.Result {
      try ChildProcess.run(
        [
          "podman", "--root", "\(directory)/root", "--runroot", "\(directory)/runroot", "--tmpdir", "\(directory)/tmp",
          "--storage-driver", "vfs",
        ] + arguments,
        environment: [
          "CONTAINERS_CONF": "\(directory)/containers.conf", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": directory,
        ], namespace: node.namespace, timeout: 120)
    }

    func start(_ name: String, _ options: [String], _ command: String) throws -> ChildProcess.Result {
      try run(
        ["run", "--detach", "--name", name, "--security-opt", "seccomp=unconfined"] + options
          + ["--rootfs", "\(directory)/rootfs", "sh", "-c", command])
    }
  }

  @Test func containersOfPodmanAreOurs() throws {
    let node = try TestNode()
    let outside = try node.outsider()
    let podman = try Podman(node)
    let web = try podman.start(
      "web", ["--publish", "8080:80", "--ip", "10.244.1.77", "--mac-address", "0a:58:00:00:00:99"],
      "while true; do echo hello | nc -l -p 80; done")
    try #require(web.status.isSuccess, "\(web.errorOutput)")
    let client = try podman.start("client", [], "sleep 600")
    try #require(client.status.isSuccess, "\(client.errorOutput)")
    let network = try JSON(
      parsing: podman.run(["inspect", "web", "--format", "{{json .NetworkSettings.Networks}}"]).standardOutput)[
        "swiftlet"]
    #expect(network["IPAddress"] == "10.244.1.77" && network["MacAddress"] == "0a:58:00:00:00:99", "\(network)")
    #expect(network["GlobalIPv6Address"] == "fd00:1::2" && network["Gateway"] == "10.244.1.1")
    let ping = try podman.run(["exec", "client", "ping", "-c", "1", "-W", "5", "10.244.1.77"])
    #expect(ping.status.isSuccess, "\(ping.output)")
    let six = try podman.run(["exec", "client", "ping", "-6", "-c", "1", "-W", "5", "fd00:1::2"])
    #expect(six.status.isSuccess, "\(six.output)")
    #expect(try node.ask("192.0.2.1", 8080, in: outside) == "hello")
    // The same port again: podman hands our sentence on.
    let second = try podman.start("second", ["--publish", "8080:80"], "sleep 1")
    #expect(
      !second.status.isSuccess && second.errorOutput.contains("host port 8080/tcp is taken"), "\(second.errorOutput)")

    #expect(try podman.run(["rm", "--force", "--time", "0", "web", "client", "second"]).status.isSuccess)
    #expect(try node.podLinks().isEmpty)
    #expect(try Files.list("\(node.directory)/swiftlet").allSatisfy { IPAddress($0) == nil })
    #expect(try HostPorts(node: node.namespace).entries().isEmpty)
  }
}
