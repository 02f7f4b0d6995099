import Glibc
import JSON
import Linux
import Testing

@testable import Lab

/// Services by another back end than nftables in a whole lab, and from one to another while its pods talk.
@Suite(.serialized) struct LabServicesKernelTests {
  private let program: Program

  init() throws { program = try Program("s") }

  /// New connections to address port 80 all the time, and requests on one that stays open, until standard input ends.
  /// Prints how many of each were answered; an error ends it.
  private static let client = """
    import select, socket, sys
    def ask(s, more):
        s.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n" + more + b"\\r\\n")
        data = b""
        while b"\\r\\n\\r\\n" not in data: data += s.recv(65536) or sys.exit("closed without an answer")
        head, body = data.split(b"\\r\\n\\r\\n", 1)
        length = int([l for l in head.lower().split(b"\\r\\n") if l.startswith(b"content-length:")][0].split(b":")[1])
        while len(body) < length: body += s.recv(65536) or sys.exit("closed within an answer")
    def opened():
        return socket.create_connection((sys.argv[1], 80), 5)
    count, kept = 0, opened()
    while not select.select([sys.stdin], [], [], 0.005)[0]:
        with opened() as s: ask(s, b"Connection: close\\r\\n")
        ask(kept, b"")
        count += 1
    print(count)
    """

  /// What of each back end a node has.
  private func traces(_ node: String) throws -> [String] {
    var found: [String] = []
    if try program.onNode(node, "nft", "list", "tables").output.contains("swiftlet-services") {
      found.append("nftables")
    }
    for variant in ["nft", "legacy"] {
      let rules = try program.onNode(node, "iptables-\(variant)-save").output
      if rules.contains("KUBE-SVC-") { found.append("iptables-\(variant)") }
    }
    return found
  }

  @Test func aLabSwitchesWhileItsPodsTalk() throws {
    defer { _ = try? program.run("lab", "down") }
    let up = try program.run(
      "lab", "up", "--nodes", "2", "--services-backend", "iptables-legacy", Program.repository + "/examples/shop")
    try #require(up.status.isSuccess, "\(up.output)\(up.errorOutput)")
    #expect(up.output.contains(" checks passed in ") && !up.output.contains("FAIL"), "\(up.output)")
    #expect(try traces("node1") == ["iptables-legacy"])

    let pods = try program.json("get", "pods", "-n", "shop", "-l", "app=web")["items"].elements
    let pod = try #require(pods.first?["metadata", "name"].string)
    let address = try #require(try program.json("get", "service", "-n", "shop", "catalog")["spec", "clusterIP"].string)
    var ends: [CInt] = [-1, -1]
    try #require(pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let output = "/tmp/swt-lab-services.\(getpid())"
    defer { unlink(output) }
    let file = try FileDescriptor.open(output, O_RDWR | O_CREAT | O_TRUNC, mode: 0o600)
    let client = try ChildProcess(
      [program.path, "lab", "exec", "-n", "shop", pod, "--", "python3", "-c", Self.client, address],
      environment: program.environment,
      standardInput: .descriptor(ends[0]), standardOutput: .descriptor(file.raw), standardError: .descriptor(file.raw))
    close(ends[0])
    for backend in ["nftables", "iptables-nft", "nftables", "iptables-legacy", "iptables-nft", "nftables"] {
      let switched = try program.run("lab", "services", backend)
      #expect(switched.status.isSuccess, "\(backend): \(switched.output)\(switched.errorOutput)")
      for node in ["control", "node1", "node2"] { #expect(try traces(node) == [backend], "\(node)") }
      #expect(try program.run("show", "services", "--node", "node1").output.contains(backend.prefix { $0 != "-" }))
    }
    close(ends[1])
    let status = client.wait(timeout: 30)
    let said = try Files.readText(output)
    #expect(status?.isSuccess == true, "a connection was lost: \(said)")
    #expect((Int(said.split(separator: "\n").last ?? "") ?? 0) > 100, "\(said)")

    let check = try program.run("lab", "check")
    #expect(check.status.isSuccess, "\(check.output)")
    let unknown = try program.run("lab", "services", "ebpf")
    #expect(!unknown.status.isSuccess && unknown.errorOutput.contains("known are nftables, iptables"))
    #expect(try program.run("lab", "down").status.isSuccess)
    #expect(try program.remains() == [])
  }
}
