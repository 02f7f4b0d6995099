import Kubernetes
import Linux
import NodeAgent

/// `swiftlet agent`: the network of one node, until a signal ends it.
enum AgentCommand {
  static var help: String {
    "usage: swiftlet agent [--config FILE] --pod-range PREFIX --service-range PREFIX [options]\n\n"
      + CommandLineOptions.help(AgentConfiguration.options)
  }

  static func run(_ arguments: [String]) throws {
    let options = try AgentConfiguration.options(arguments)
    if let stray = options.operands.first { throw UsageError("unexpected \"\(stray)\"") }
    var settings = try AgentConfiguration(options)
    settings.version = Main.version
    try RangeReview.check(
      nodes: settings.nodeRanges, pods: settings.podRanges, services: settings.serviceRanges, log: Log("agent"))
    Signals.block(terminationSignals)
    let config = try KubeConfig.standard(file: settings.kubeconfig)
    let client = APIClient(
      HTTPTransport(config, options: .of("swiftlet-agent", version: Main.version)), fieldManager: "swiftlet-agent")
    let agent = try NodeAgent(settings, client: client)
    agent.start()
    try waitForTermination(terminationSignals)
    agent.stop()
  }
}
