internal import Addressing
internal import JSON
internal import Linux

/// Runs probes where their packets are to come from: inside a pod, a node, or the outside world.
struct CheckProbes: Sendable {
  /// Where a probe runs.
  enum Place: Sendable {
    case pod(LabPod)
    /// A node's own network namespace, by the node's name; `fabric` is the world outside.
    case node(String)
  }

  /// What one try of a probe saw.
  struct Result: Sendable {
    let json: JSON

    var isOK: Bool { json["ok"].bool ?? false }
    /// Why it failed; empty if it did not.
    var error: String { json["error"].string ?? "" }
    /// The stand-in's pod and the client it saw, of an HTTP probe.
    var pod: String { json["body"]["pod"].string ?? "" }
    var namespace: String { json["body"]["namespace"].string ?? "" }
    var container: String { json["body"]["container"].string ?? "" }
    /// The client's address as the stand-in saw it, without the port.
    var client: String {
      let text = json["body"]["client"].string ?? ""
      guard let colon = text.lastIndex(of: ":") else { return text }
      return text[..<colon].filter { $0 != "[" && $0 != "]" }
    }
    /// Addresses of a DNS probe, sorted.
    var addresses: [IPAddress] {
      json["addresses"].elements.compactMap { $0.string.flatMap { IPAddress($0) } }.sorted()
    }
    /// The name that was answered, of a DNS probe.
    var name: String { json["name"].string ?? "" }

    /// For "what was seen".
    var text: String {
      if !isOK { return error }
      if !addresses.isEmpty { return "\(name) is \(addresses.map(\.description).joined(separator: ", "))" }
      return pod.isEmpty ? json["body"].description : "an answer of pod \(pod) to client \(client)"
    }
  }

  let site: LabSite
  let executables: String

  /// How long a probe with all its tries may take, in seconds.
  private static let longest = 60.0

  /// Runs a probe and answers its tries; at least one.
  func run(_ place: Place, _ arguments: [String]) throws -> [Result] {
    let pause = "\(executables)/swiftlet-pause"
    let probe = [pause, "probe"] + arguments
    let result: ChildProcess.Result
    switch place {
    case .pod(let pod):
      result = try ChildProcess.run(
        [pause, "enter", "--pid", String(pod.sandbox.pid), "--"] + probe, timeout: Self.longest)
    case .node(let name):
      result = try ChildProcess.run(
        probe, namespace: try NetworkNamespace(path: site.namespacePath(name)), timeout: Self.longest)
    }
    guard let json = try? JSON(parsing: result.standardOutput), !json.elements.isEmpty else {
      let words = result.errorOutput.isEmpty ? "\(result.status)" : result.errorOutput
      let error =
        result.timedOut ? "no end of its tries after \(Int(Self.longest)) s" : "the probe could not run: \(words)"
      return [Result(json: ["ok": false, "error": .string(error)])]
    }
    return json.elements.map { Result(json: $0) }
  }

  /// Asks over HTTP, `count` times, each with a connection of its own. A name is looked up in the family.
  func http(
    _ place: Place, _ address: String, _ port: Int, count: Int = 1, timeout: Double = 2, family: IPFamily = .v4
  ) throws -> [Result] {
    try run(
      place,
      [
        "http", "--address", address, "--port", String(port), "--count", String(count), "--timeout", String(timeout),
        "--type", family == .v4 ? "A" : "AAAA",
      ])
  }

  /// Asks for a URL from the outside world at an address of the node network, as a client of an Ingress would. Without an
  /// authority (PEM) any certificate is taken.
  func fetch(_ url: String, at address: IPAddress, authority: String?) throws -> Result {
    let result = try ChildProcess.run(
      ["\(executables)/swiftlet", "lab", "fetch", "--url", url, "--address", "\(address)"]
        + (authority == nil ? [] : ["--authority-on-stdin"]),
      input: Array((authority ?? "").utf8), namespace: try NetworkNamespace(path: site.namespacePath("fabric")),
      timeout: 20)
    guard let json = try? JSON(parsing: result.standardOutput) else {
      return Result(json: ["ok": false, "error": .string("the probe could not run: \(result.errorOutput)")])
    }
    return Result(json: json)
  }

  /// Looks a name up, by a server of the pod's resolv.conf unless another is named.
  func name(
    _ place: Place, _ name: String, _ family: IPFamily, server: IPAddress? = nil, overTCP: Bool = false
  ) throws -> Result {
    try run(
      place,
      ["dns", "--name", name, "--type", family == .v4 ? "A" : "AAAA", "--timeout", "2"]
        + (server.map { ["--server", "\($0)"] } ?? [])
        + (overTCP ? ["--tcp"] : []))[0]
  }
}

/// Calls a function for each item on a few threads at once and answers the results in the items' order; throws what the
/// first item that failed threw.
func concurrentMap<Item: Sendable, Value: Sendable>(
  _ items: [Item], width: Int = 16, _ body: @escaping @Sendable (Item) throws -> Value
) throws -> [Value] {
  if items.isEmpty { return [] }
  let state = ConcurrentMap<Item, Value>(items, body)
  let threads = (0..<min(width, items.count)).map { _ in Thread("probes") { state.work() } }
  for thread in threads { thread.join() }
  return try state.results()
}
