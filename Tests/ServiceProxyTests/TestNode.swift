import Glibc
import Linux

/// One node with pods on a bridge, a host outside, all of them namespaces, removed with this object.
///
/// Pods hold 10.244.0.N/32 and fd00:244::N/128 and send everything to the bridge's address, as our pods do. They heed no
/// ICMPv6 redirect, which a node cannot be kept from sending (there is no send_redirects): with one, seen on kernel 6.1, a
/// pod answers its neighbour past the node, and past the translation. The world is
/// 192.0.2.2 and 2001:db8:2::2, which routes the service and pod ranges and addresses of load balancers (203.0.113.0/24,
/// 2001:db8:3::/64) through the node; the node's own default route leads nowhere. br_netfilter, where loaded, is switched off in the
/// node's namespace: with it a pod cannot reach itself without `hairpin on` at its port.
final class TestNode {
  let prefix: String
  let namespace: NetworkNamespace
  private var processes: [pid_t] = []
  private var names: [String] = []
  private let directory: String

  init(_ topic: String, pods: [String: Int]) throws {
    prefix = "swt-nft-\(topic)-\(getpid())"
    directory = "/tmp/\(prefix)"
    mkdir(directory, 0o755)
    try Self.write(Scripts.server, "\(directory)/server.py")
    try Self.write(Scripts.client, "\(directory)/client.py")
    try Self.write(Scripts.ask, "\(directory)/ask.py")
    try Self.write(Scripts.sctp, "\(directory)/sctp.py")
    try Self.write(Scripts.stress, "\(directory)/stress.py")
    let prefix = prefix
    var names: [String] = []
    var script = "set -e\n"
    func add(_ name: String) -> String {
      names.append(name)
      script += "ip netns add \(prefix)-\(name); ip -n \(prefix)-\(name) link set lo up\n"
      return "\(prefix)-\(name)"
    }
    let node = add("node")
    script += """
      sysctl() { ip netns exec \(node) sh -c "echo $2 > /proc/sys/net/$1"; }
      sysctl ipv4/ip_forward 1; sysctl ipv6/conf/all/forwarding 1; sysctl ipv4/conf/all/send_redirects 0
      for family in ip ip6; do
        test ! -e /proc/sys/net/bridge || sysctl bridge/bridge-nf-call-${family}tables 0
      done
      ip -n \(node) link add cni0 type bridge
      ip -n \(node) addr add 10.244.0.1/24 dev cni0; ip -n \(node) addr add fd00:244::1/64 dev cni0 nodad
      ip -n \(node) link set cni0 up
      sysctl ipv4/conf/cni0/send_redirects 0
      ip -n \(node) route add 10.96.0.0/16 dev cni0; ip -n \(node) route add fd00:96::/112 dev cni0

      """
    for (name, number) in pods.sorted(by: { $0.key < $1.key }) {
      let pod = add(name)
      script += """
        ip -n \(node) link add v\(number) type veth peer name eth0 netns \(pod)
        ip -n \(node) link set v\(number) master cni0 up
        ip -n \(pod) addr add 10.244.0.\(number)/32 dev eth0; ip -n \(pod) addr add fd00:244::\(number)/128 dev eth0 nodad
        ip -n \(pod) link set eth0 up
        ip netns exec \(pod) sh -c 'echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_redirects'
        ip -n \(pod) route add 10.244.0.1 dev eth0; ip -n \(pod) route add default via 10.244.0.1
        ip -n \(pod) route add fd00:244::1 dev eth0; ip -n \(pod) route add default via fd00:244::1

        """
    }
    let world = add("world")
    script += """
      ip -n \(node) link add eth0 type veth peer name eth0 netns \(world)
      ip -n \(node) addr add 192.0.2.1/24 dev eth0; ip -n \(node) link set eth0 up
      ip -n \(world) addr add 192.0.2.2/24 dev eth0; ip -n \(world) link set eth0 up
      ip -n \(world) route add 10.0.0.0/8 via 192.0.2.1; ip -n \(world) route add 203.0.113.0/24 via 192.0.2.1
      ip -n \(node) addr add 2001:db8:2::1/64 dev eth0 nodad; ip -n \(world) addr add 2001:db8:2::2/64 dev eth0 nodad
      ip -n \(node) link add up0 type veth peer name up1; ip -n \(node) link set up0 up; ip -n \(node) link set up1 up
      ip -n \(node) route add default dev up0; ip -n \(node) -6 route add default dev up0
      ip -n \(world) route add fd00::/8 via 2001:db8:2::1; ip -n \(world) route add 2001:db8:3::/64 via 2001:db8:2::1

      """
    try Self.write(script, "\(directory)/up.sh")
    self.names = names
    let output = shell("sh \(directory)/up.sh")
    namespace = try NetworkNamespace(path: "/run/netns/\(prefix)-node")
    if !output.isEmpty { throw SystemError("set up \(prefix): \(output)", code: EINVAL) }
    for name in pods.keys.sorted() where name != "client" { start(name, "server.py \(name) 8080") }
    start("world", "server.py world 8080")
    for name in pods.keys.sorted() where name != "client" { waitForServer(name) }
    waitForServer("world")
  }

  deinit {
    for process in processes { kill(process, SIGKILL) }
    for name in names { shell("ip netns del \(prefix)-\(name)") }
    shell("rm -r \(directory)")
  }

  private static func write(_ text: String, _ path: String) throws {
    try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC).writeAll(Array(text.utf8))
  }

  private func start(_ pod: String, _ command: String) {
    // The output goes nowhere: an open pipe would keep `shell` waiting.
    let text = shell(
      "ip netns exec \(prefix)-\(pod) /usr/bin/python3 -IS \(directory)/\(command) >/dev/null 2>&1 </dev/null & echo $!"
    )
    if let process = pid_t(text.prefix { $0.isNumber }) { processes.append(process) }
  }

  private func waitForServer(_ pod: String) {
    for _ in 0..<200 {
      if run(pod, "ss -Hltn sport = :8080").contains("8080") { return }
      usleep(20_000)
    }
  }

  /// Waits until something is so, for long enough for a machine that is emulated on a busy one. What comes after it fails
  /// where it never is.
  static func wait(until isSo: () -> Bool) {
    for _ in 0..<600 {
      if isSo() { return }
      usleep(100_000)
    }
  }

  /// Runs a shell command in a pod, on the node (`node`) or outside (`world`).
  @discardableResult
  func run(_ place: String, _ command: String) -> String { shell("ip netns exec \(prefix)-\(place) \(command)") }

  /// What answered how often: `["b1 10.244.0.9": 7, "ECONNREFUSED": 3]`.
  func client(_ place: String, _ mode: String, _ address: String, _ port: Int, _ count: Int) -> [String: Int] {
    Self.counts(run(place, "/usr/bin/python3 -IS \(directory)/client.py \(mode) \(address) \(port) \(count)"))
  }

  /// Many clients at once, in a process for each place; what each saw, in their order.
  func ask(_ asks: [SemanticsRow.Ask]) -> [[String: Int]] {
    var answers = [[String: Int]](repeating: [:], count: asks.count)
    var script = ""
    for (place, some) in Dictionary(grouping: asks.enumerated(), by: \.element.place) {
      let words = some.map { "\($0) \($1.mode) \($1.address) \($1.port) \($1.count) \($1.patience)" }
      script +=
        "ip netns exec \(prefix)-\(place) /usr/bin/python3 -IS \(directory)/ask.py \(words.joined(separator: " ")) & "
    }
    // All hold the pipe; the shell must not wait for them, since it may have been started with SIGCHLD blocked.
    for line in shell("\(script) :").split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      guard parts.count == 2, let index = Int(parts[0]), answers.indices.contains(index) else {
        return answers.map { _ in [String(line): -1] }
      }
      answers[index].merge(Self.counts(String(parts[1]))) { $0 + $1 }
    }
    return answers
  }

  /// The same in the background, to be collected later.
  func background(_ place: String, _ mode: String, _ address: String, _ port: Int, _ count: Int) -> () -> [String: Int]
  {
    let file = "\(directory)/\(mode)-\(address)-\(port).out"
    let process = shell(
      "ip netns exec \(prefix)-\(place) /usr/bin/python3 -IS \(directory)/client.py \(mode) \(address) \(port) \(count) "
        + ">\(file) 2>&1 </dev/null & echo $!")
    let number = process.prefix { $0.isNumber }
    return {
      shell("while [ -d /proc/\(number) ]; do sleep 0.05; done")
      return Self.counts(shell("cat \(file)"))
    }
  }

  /// Connects at random in the background; what it printed, once it is over.
  func stress(_ place: String, services: Int, seconds: Double, seed: Int, firstPort: Int) -> () -> String {
    let file = "\(directory)/stress-\(seed).out"
    let process = shell(
      "ip netns exec \(prefix)-\(place) /usr/bin/python3 -IS \(directory)/stress.py \(services) \(seconds) \(seed) "
        + "\(firstPort) >\(file) 2>&1 </dev/null & echo $!")
    let number = process.prefix { $0.isNumber }
    return {
      shell("while [ -d /proc/\(number) ]; do sleep 0.05; done")
      return shell("cat \(file)")
    }
  }

  /// Starts servers that answer an INIT of SCTP.
  func serveSCTP(_ pods: [String]) {
    for pod in pods { start(pod, "sctp.py serve \(pod)") }
    for pod in pods {
      Self.wait { run(pod, "cat /proc/net/raw6").contains(":0084 ") }
    }
  }

  /// Who answered ten INITs.
  func askSCTP(_ place: String, _ address: String, _ port: Int) -> [String: Int] {
    run(place, "/usr/bin/python3 -IS \(directory)/sctp.py ask \(address) \(port)").split(separator: "\n")
      .reduce(into: [:]) { $0[String($1.split(separator: " ").first ?? "nothing"), default: 0] += 1 }
  }

  /// By the name of who answered alone.
  static func byName(_ counts: [String: Int]) -> [String: Int] {
    counts.reduce(into: [:]) { result, entry in
      result[String(entry.key.prefix { $0 != " " }), default: 0] += entry.value
    }
  }

  /// A listing's words, whatever the order the kernel gives elements in.
  static func words(_ listing: String) -> [Substring] {
    listing.split { $0.isWhitespace || $0 == "," }.sorted()
  }

  private static func counts(_ text: String) -> [String: Int] {
    var result: [String: Int] = [:]
    for line in text.split(separator: "\n") {
      guard let space = line.lastIndex(of: " "), let count = Int(line[line.index(after: space)...]) else {
        result[String(line)] = -1
        continue
      }
      result[String(line[..<space])] = count
    }
    return result
  }
}

/// What a shell command prints on both streams.
@discardableResult
func shell(_ command: String) -> String {
  guard let stream = popen("{ \(command) ; } 2>&1", "r") else { return "popen failed" }
  defer { pclose(stream) }
  var text: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = fread(&buffer, 1, buffer.count, stream)
    if count == 0 { break }
    text += buffer[..<count]
  }
  return String(decoding: text, as: UTF8.self)
}
