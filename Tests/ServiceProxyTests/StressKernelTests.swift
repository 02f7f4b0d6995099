import Addressing
import ClusterModel
import Glibc
import Linux
import Netlink
import ServiceProxy
import Testing

/// Services and endpoints come and go by random numbers that are the same every time, while clients connect.
/// `SWIFTLET_STRESS_SECONDS` makes it longer.
@Suite(.serialized) struct StressKernelTests {
  /// When something was so, in seconds of the wall clock: surely not before `from`, surely not after `until`.
  struct Span {
    var from: Double
    var until = Double.infinity
  }

  /// What was true of one Service.
  struct History {
    var endpoints: [Int: [Span]] = [:]
    /// When it had none, or was not there.
    var empty: [Span] = []

    mutating func change(_ old: Set<Int>, _ new: Set<Int>, before: Double, after: Double) {
      for gone in old.subtracting(new) { endpoints[gone]![endpoints[gone]!.count - 1].until = after }
      for come in new.subtracting(old) { endpoints[come, default: []].append(Span(from: before)) }
      if new.isEmpty, !old.isEmpty { empty.append(Span(from: before)) }
      if old.isEmpty, !new.isEmpty { empty[empty.count - 1].until = after }
    }
  }

  static let seconds = getenv("SWIFTLET_STRESS_SECONDS").flatMap { Double(String(cString: $0)) } ?? 12
  static let count = 12
  /// `SWIFTLET_STRESS_BACKEND=iptables-nft` does it with that one alone.
  static let backends = TestBackend.all.filter { backend in
    guard let only = getenv("SWIFTLET_STRESS_BACKEND") else { return true }
    return backend.testDescription == String(cString: only)
  }

  /// A change through iptables takes longer, and with it all the others in turn.
  @Test(arguments: backends)
  func nobodyMeetsWhoIsGone(_ backend: TestBackend) throws {
    let numbers = Array(11...16)
    var pods = ["client": 9]
    for number in numbers { pods["b\(number)"] = number }
    let node = try TestNode("stress-\(backend)", pods: pods)
    let proxy = try backend.proxy(ServiceProxyKernelTests.configuration, node)
    var generator = SplitMix(state: 2026)
    var current = [Set<Int>](repeating: [], count: Self.count)
    var histories = [History](repeating: History(empty: [Span(from: 0)]), count: Self.count)
    func service(_ index: Int, _ endpoints: Set<Int>) -> ServiceWithEndpoints {
      ServiceProxyKernelTests.web(endpoints.sorted(), name: "s\(index)", address: index + 1)
    }
    func change(_ index: Int, to new: Set<Int>, removing: Bool = false) throws {
      let before = Time.wallSeconds
      try proxy.update(
        service: NamespacedName("default", "s\(index)"), to: removing ? nil : service(index, new))
      histories[index].change(current[index], new, before: before, after: Time.wallSeconds)
      current[index] = new
    }
    try proxy.sync(full: [])
    for index in 0..<Self.count { try change(index, to: Set(numbers.prefix(3))) }
    // IPVS takes connections from one port to one endpoint for one (docs/services.md): there clients have their own ports.
    let logs = (0..<3).map {
      node.stress(
        "client", services: Self.count, seconds: Self.seconds, seed: $0,
        firstPort: backend.isIPVS ? 2000 + $0 * 10_000 : 0)
    }
    let end = Time.wallSeconds + Self.seconds
    var changes = 0
    while Time.wallSeconds < end {
      let index = Int.random(in: 0..<Self.count, using: &generator)
      let kind = Int.random(in: 0..<20, using: &generator)
      let size = kind == 0 ? 0 : Int.random(in: 1...4, using: &generator)
      try change(
        index, to: Set(numbers.shuffled(using: &generator).prefix(size)), removing: kind == 0 && changes % 2 == 0)
      changes += 1
      usleep(UInt32.random(in: 500...5000, using: &generator))
    }
    var connections = 0
    var refusals = 0
    for line in logs.map({ $0() }).joined(separator: "\n").split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      guard words.count == 4, let index = Int(words[0]), let begin = Double(words[1]), let answer = Double(words[2])
      else {
        Issue.record("a client said \(line)")
        continue
      }
      connections += 1
      let history = histories[index]
      if let number = Int(words[3].dropFirst()), words[3].hasPrefix("b") {
        // Gone for more than 50 ms when the connection began: nobody may be sent there.
        let isFine = (history.endpoints[number] ?? []).contains { $0.from <= answer && begin <= $0.until + 0.05 }
        #expect(isFine, "\(line): not among \(history.endpoints[number] ?? [])")
      } else {
        refusals += 1
        let isFine = history.empty.contains { $0.from <= answer && begin <= $0.until }
        #expect(isFine, "\(line), though there were endpoints")
      }
    }
    print(
      "stress, \(backend.testDescription): \(changes) changes, \(connections) connections, \(refusals) of them to Services without endpoints"
    )
    #expect(connections > 100 && changes > 20)
    // Kernel and model are equal.
    let elements = proxy.statistics.elements
    try proxy.repair()
    #expect(proxy.statistics.elements == elements && proxy.statistics.failures == 0, "\(proxy.statistics)")
  }
}
