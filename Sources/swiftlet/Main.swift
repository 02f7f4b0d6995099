import Glibc
import Lab
import Linux

/// The one program of the project; what it does is its first argument.
@main
struct Main {
  static let usage = """
    swiftlet: the whole network of a Kubernetes cluster

    usage: swiftlet COMMAND [options]

      lab …        a cluster network of namespaces on this machine (swiftlet lab --help)
      server …     Kubernetes API, allocators, controllers and scheduler on SQLite
      agent …      the network of one node: routes, Services, policy, DNS, gateway
      controllers … what a cluster's own controllers lack, on any API server
      deploy …     manifests that install all this, or parts of it, on a Kubernetes cluster
      install-cni … the CNI plugin to where the node's runtime looks for it
      ipam …       which pod addresses are leased on this node, and what is wrong with them
      plan …       choose a cluster's node, pod and service ranges before it exists
      show …       what a node does for Services, endpoint by endpoint, and why
      dns …        cluster DNS by itself, and `dns query` explains an answer
      status …     what the agent of this machine, or those of a lab, are doing
      version      what this is

    `swiftlet COMMAND --help` tells the options of a command.
    """

  static let version = "0.1.0"

  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    let rest = Array(arguments.dropFirst())
    Signals.ignoreBrokenPipes()
    switch arguments.first {
    case "lab": exit(LabCommand.run(rest))
    case "server": exit(run("server", ServerCommand.help, rest, ServerCommand.run))
    case "agent": exit(run("agent", AgentCommand.help, rest, AgentCommand.run))
    case "controllers": exit(run("controllers", ControllersCommand.help, rest, ControllersCommand.run))
    case "deploy": exit(run("deploy", DeployCommand.help, rest, DeployCommand.run))
    case "install-cni": exit(run("install-cni", InstallCNICommand.help, rest, InstallCNICommand.run))
    case "ipam": exit(run("ipam", IPAMCommand.help, rest, IPAMCommand.run))
    case "dns": exit(run("dns", DNSCommand.help, rest, DNSCommand.run))
    case "plan": exit(PlanCommand.run(rest))
    case "show": exit(run("show", ShowCommand.help, rest, ShowCommand.run))
    case "status": exit(run("status", StatusCommand.help, rest, StatusCommand.run))
    case "version", "--version": print("swiftlet \(version)")
    case nil, "help", "--help", "-h": print(usage)
    case .some(let unknown):
      complain(": there is no command \"\(unknown)\"; swiftlet --help lists them")
      exit(2)
    }
  }

  private static func run(
    _ name: String, _ help: @autoclosure () -> String, _ arguments: [String], _ command: ([String]) throws -> Void
  ) -> Int32 {
    run(name, help(), arguments) { arguments in
      try command(arguments)
      return 0
    }
  }

  /// Runs a command: its own status if it ended well, 2 for a command line that was not understood, 1 for everything else.
  private static func run(
    _ name: String, _ help: @autoclosure () -> String, _ arguments: [String], _ command: ([String]) throws -> Int32
  ) -> Int32 {
    if arguments.contains("--help") || arguments.contains("-h") {
      print(help())
      return 0
    }
    do {
      return try command(arguments)
    } catch let error as UsageError {
      complain(" \(name): \(error); swiftlet \(name) --help tells all options")
      return 2
    } catch {
      complain(" \(name): \(error)")
      return 1
    }
  }

  private static func complain(_ text: String) {
    _ = "swiftlet\(text)\n".withCString { write(STDERR_FILENO, $0, strlen($0)) }
  }
}

/// Waits until the process is asked to end. The signals must have been blocked before any thread was started.
func waitForTermination(_ signals: [CInt]) throws {
  let descriptor = try Signals.descriptor(signals)
  var entry = pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0)
  while poll(&entry, 1, -1) < 1 {}
}

let terminationSignals: [CInt] = [SIGTERM, SIGINT, SIGHUP]
