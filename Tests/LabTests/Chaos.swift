import Glibc
import JSON
import Linux
import Testing

@testable import Lab

/// Kills the lab's processes at random moments while traffic flows, and flushes what they program.
struct Chaos {
  private let program: Program
  private let rounds = 16

  init(_ program: Program) { self.program = program }

  /// One connection through a ClusterIP, a request every 30 ms on it, until its standard input ends. A flow that breaks or
  /// hangs for ten seconds ends it with an error.
  private static let client = """
    import select, socket, sys, time
    s = socket.create_connection((sys.argv[1], 80), 5)
    s.settimeout(10)
    count = 0
    while not select.select([sys.stdin], [], [], 0.03)[0]:
        s.sendall(b"GET / HTTP/1.1\\r\\nHost: chaos\\r\\n\\r\\n")
        data = b""
        while b"\\r\\n\\r\\n" not in data:
            part = s.recv(65536)
            if not part: sys.exit("the peer closed after %d answers" % count)
            data += part
        head, body = data.split(b"\\r\\n\\r\\n", 1)
        length = int([l for l in head.lower().split(b"\\r\\n") if l.startswith(b"content-length:")][0].split(b":")[1])
        while len(body) < length: body += s.recv(65536)
        count += 1
    print(count)
    """

  func run() throws {
    let pods = try program.json("get", "pods", "-n", "shop", "-l", "app=web")["items"].elements
    let pod = try #require(pods.first?["metadata", "name"].string)
    let service = try program.json("get", "service", "-n", "shop", "catalog")
    let address = try #require(service["spec", "clusterIP"].string)
    let client = try TalkingPod(program, namespace: "shop", pod, Self.client, address)

    let victims = ["server", "agent-control"] + (1...3).flatMap { ["agent-node\($0)", "runtime-node\($0)"] }
    var killed: [String] = []
    for round in 0..<rounds {
      usleep(UInt32.random(in: 50_000...700_000))
      let victim = round == rounds / 2 ? "supervisor" : victims.randomElement() ?? "server"
      try program.kill(victim)
      killed.append(victim)
      if victim == "supervisor" { #expect(try program.run("lab", "resume").status.isSuccess) }
      if round % 5 == 3 {
        let node = "\(program.site.namespacePrefix)node\(Int.random(in: 1...3))"
        _ = try ChildProcess.run(["ip", "netns", "exec", node, "nft", "delete", "table", "inet", "swiftlet-policy"])
        killed.append("table of \(node)")
      }
    }
    usleep(500_000)
    let (isWell, said) = try client.stop()
    #expect(isWell, "the established flow broke: \(said) after \(killed)")
    #expect((Int(said.split(separator: "\n").last ?? "") ?? 0) > 20, "\(said)")

    try program.eventually("everything runs again") { try program.run("lab", "status").status.isSuccess }
    // Watches that met a dead server come back one after another, each after its own pause.
    var check = try program.run("lab", "check")
    for _ in 0..<4 where !check.status.isSuccess {
      sleep(3)
      check = try program.run("lab", "check")
    }
    #expect(check.status.isSuccess, "after \(killed): \(check.output)")
  }
}
