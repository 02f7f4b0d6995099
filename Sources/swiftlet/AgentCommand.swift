import Kubernetes
import Linux
import NodeAgent

/// `swiftlet agent`: the network of one node, until a signal ends it.
enum AgentCommand {
  static var help: String {
    "usage: swiftlet agent --kubeconfig FILE --node-name NAME --pod-range PREFIX --service-range PREFIX [options]\n\n"
      + CommandLineOptions.help(AgentConfiguration.options)
  }

  static func run(_ arguments: [String]) throws {
    let options = try CommandLineOptions(arguments, known: AgentConfiguration.options)
    if let stray = options.operands.first { throw UsageError("unexpected \"\(stray)\"") }
    var settings = try AgentConfiguration(options)
    settings.version = Main.version
    try RangeReview.check(
      nodes: settings.nodeRanges, pods: settings.podRanges, services: settings.serviceRanges, log: Log("agent"))
    Signals.block(terminationSignals)
    let client = APIClient(HTTPTransport(try KubeConfig(file: settings.kubeconfig)), fieldManager: "swiftlet-agent")
    let agent = try NodeAgent(settings, client: client)
    agent.start()
    try waitForTermination(terminationSignals)
    agent.stop()
  }
}
