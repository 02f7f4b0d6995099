import Glibc
import JSON
import Kubernetes
import Linux
import NodeAgent

/// `swiftlet dns`: cluster DNS as a program of its own, and questions to a running one.
enum DNSCommand {
  static let queryOptions: [CommandLineOptions.Option] = [
    .init("from", "POD", "as a pod would ask: NAMESPACE/NAME; its search list counts"),
    .init("state-dir", "DIR", "the state directory of the agent or name server (/run/swiftlet)"),
  ]

  static var help: String {
    "usage: swiftlet dns [options]\n       swiftlet dns query NAME [TYPE] [--from POD] [--state-dir DIR]\n\n"
      + CommandLineOptions.help(StandaloneDNS.options) + "\n\nof query:\n" + CommandLineOptions.help(queryOptions)
  }

  static func run(_ arguments: [String]) throws -> Int32 {
    if arguments.first == "query" { return try query(Array(arguments.dropFirst())) }
    let options = try CommandLineOptions(arguments, known: StandaloneDNS.options)
    if let stray = options.operands.first { throw UsageError("unexpected \"\(stray)\"") }
    Signals.block(terminationSignals)
    let configuration = try options["kubeconfig"].map { try KubeConfig(file: $0) } ?? KubeConfig.inCluster()
    raiseDescriptorLimit()
    let client = APIClient(HTTPTransport(configuration), fieldManager: "swiftlet-dns")
    let server = try StandaloneDNS(options, client: client, version: Main.version)
    try server.start()
    try waitForTermination(terminationSignals)
    server.stop()
    return 0
  }

  /// Prints the explanation; 1 where there is none.
  private static func query(_ arguments: [String]) throws -> Int32 {
    let options = try CommandLineOptions(arguments, known: queryOptions)
    guard let name = options.operands.first, options.operands.count <= 2 else {
      throw UsageError("query: expected a name and perhaps a type, found \(options.operands.count) words")
    }
    let type = options.operands.count > 1 ? options.operands[1] : "A"
    let client = AgentStatusClient(stateDirectory: options["state-dir"] ?? "/run/swiftlet")
    let answer = try client.ask(DNSQuestion.words(name: name, type: type, pod: options["from"]))
    for line in answer["explanation"].array ?? [] { if let text = line.string { print(text) } }
    return 0
  }
}
