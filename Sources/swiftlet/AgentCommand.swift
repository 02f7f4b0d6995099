import Kubernetes
import Linux
import NodeAgent
import ServiceProxy

/// `swiftlet agent`: the network of one node, until a signal ends it.
enum AgentCommand {
  static var help: String {
    "usage: swiftlet agent [--config FILE] --pod-range PREFIX --service-range PREFIX [options]\n\n"
      + CommandLineOptions.help(AgentConfiguration.options)
      + "\n\nswiftlet agent --cleanup removes what kube-proxy left on this machine, in any of its modes, and ends."
  }

  /// `swiftlet agent --cleanup`: it stands alone, needs no API server, and is over when it is done.
  private static func cleanUp(_ arguments: [String]) throws {
    if arguments.count > 1 { throw UsageError("option --cleanup goes with no other") }
    let (removed, problems) = KubeProxyCleanup.run()
    for line in removed { print("removed: \(line)") }
    if removed.isEmpty { print("nothing of kube-proxy is left here") }
    if let first = problems.first {
      for problem in problems { Log("agent").error("\(problem)") }
      throw UsageError("not everything could be removed: \(first)")
    }
  }

  static func run(_ arguments: [String]) throws {
    if arguments.contains("--cleanup") { return try cleanUp(arguments) }
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
    raiseDescriptorLimit()
    let agent = try NodeAgent(settings, client: client)
    agent.start()
    try waitForTermination(terminationSignals)
    agent.stop()
  }
}
