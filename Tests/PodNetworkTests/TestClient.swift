import Addressing
import Glibc
import JSON
import Linux
import Testing

@testable import PodNetwork

extension TestNode {
  /// A machine outside, 192.0.2.2 and 2001:db8::2, whose neighbour the node is as 192.0.2.1 and 2001:db8::1.
  func outsider() throws -> NetworkNamespace {
    let outside = try NetworkNamespace.create()
    // ip names a namespace by a file; this process holds it open.
    let path = "/proc/\(getpid())/fd/\(outside.descriptor.raw)"
    for command in [
      "ip link add out0 type veth peer name out0 netns \(path)", "ip link set out0 up", "ip link set lo up",
      "ip addr add 192.0.2.1/24 dev out0", "ip addr add 2001:db8::1/64 dev out0 nodad",
    ] {
      let result = try run(command)
      try #require(result.status.isSuccess, "\(command): \(result.errorOutput)")
    }
    for command in [
      "ip link set out0 up", "ip link set lo up", "ip addr add 192.0.2.2/24 dev out0",
      "ip addr add 2001:db8::2/64 dev out0 nodad",
    ] {
      let result = try run(command, in: outside)
      try #require(result.status.isSuccess, "\(command): \(result.errorOutput)")
    }
    return outside
  }

  /// Links of pods on the node; the outsider's is none.
  func podLinks() throws -> [String] {
    try json("ip -j link show type veth").elements.compactMap { $0["ifname"].string }.filter { $0 != "out0" }
  }

  /// ADD with host ports.
  func add(_ pod: Pod, ports: JSON) throws -> (status: CInt, output: JSON) {
    try call("ADD", pod.environment) { $0["runtimeConfig", "portMappings"] = ports }
  }
}

/// A server in a namespace that tells each client its address and port, over TCP or UDP and both families. It ends with
/// this value.
final class Teller {
  private var children: [ChildProcess] = []

  init(_ port: Int, in namespace: NetworkNamespace?, transport: String = "TCP", says: String = "") throws {
    for (family, options) in [("4", ""), ("6", ",ipv6only=1")] {
      let listen = transport == "TCP" ? "TCP\(family)-LISTEN" : "UDP\(family)-RECVFROM"
      children.append(
        try ChildProcess(
          ["socat", "\(listen):\(port)\(options),fork,reuseaddr", "SYSTEM:echo \(says) $SOCAT_PEERADDR"],
          standardError: .null, namespace: namespace, newSession: true))
    }
  }

  deinit {
    for child in children {
      kill(-child.pid, SIGKILL)
      child.wait()
    }
  }
}

extension TestNode {
  /// What a `Teller` answers; empty if nobody does.
  func ask(_ target: String, _ port: Int, in namespace: NetworkNamespace?, options: String = "") throws -> String {
    let host = target.contains(":") ? "[\(target)]" : target
    let result = try run(
      "socat -u -T 5 TCP:\(host):\(port),connect-timeout=5,retry=20,interval=0.1\(options) -", in: namespace)
    // IPv6 addresses come in full and in brackets.
    let word = result.output.split { " \n[]".contains($0) }.last.map(String.init) ?? ""
    return IPAddress(word)?.description ?? word
  }
}
