import ControlPlane
import Deploy
import Linux

/// `swiftlet deploy`: manifests for a cluster with an API server of its own, on standard output.
enum DeployCommand {
  static var help: String {
    """
    usage: swiftlet deploy [options] | kubectl apply -f -

    Renders what installs Swiftlet, or the parts named by --only, on a Kubernetes cluster: docs/deploy.md.


    """ + CommandLineOptions.help(DeployOptions.options)
  }

  static func run(_ arguments: [String]) throws {
    let options = try CommandLineOptions(arguments, known: DeployOptions.options)
    if let stray = options.operands.first { throw UsageError("unexpected \"\(stray)\"") }
    let settings = try DeployOptions(options, version: Main.version)
    print(
      Manifests(settings).text(command: (["swiftlet", "deploy"] + arguments).joined(separator: " ")), terminator: "")
  }
}
