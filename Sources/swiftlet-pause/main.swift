import Glibc
import StandIn

// The lab's container process: the sandbox that holds a pod's namespaces, the stand-in for an application, and the way
// into a sandbox for any other program. One thread, no Foundation, linked statically.

private let usage = """
  usage: swiftlet-pause sandbox --hostname NAME [--resolv-conf FILE] [--hosts FILE] [--hostname-file FILE]
                                [--host-network] [--cgroup DIR] [--identity-file FILE]
         swiftlet-pause enter --pid SANDBOX | --netns PATH [--cgroup DIR] [--cwd DIR] [--identity-file FILE] [--terminal]
                              -- COMMAND [ARGUMENT ...]
         swiftlet-pause stand-in --pod NAMESPACE/NAME --container NAME [--node NAME] [--port NUMBER/PROTOCOL ...]

  """

private func fail(_ message: String, _ code: CInt) -> Never {
  writeDiagnostic(message)
  exit(code)
}

private let arguments = Array(CommandLine.arguments.dropFirst())
do {
  let rest = Array(arguments.dropFirst())
  switch arguments.first {
  case "sandbox": try Sandbox.run(SandboxOptions(parsing: rest))
  case "enter":
    let failure = Enter.run(try EnterOptions(parsing: rest))
    fail(failure.message, failure.exitCode)
  case "stand-in": exit(try StandInServer(StandInOptions(parsing: rest)).run())
  case "probe": exit(Probe.run(rest))
  case "help", "--help", "-h": print(usage, terminator: "")
  default:
    print(usage, terminator: "")
    exit(64)
  }
} catch let error as ArgumentError {
  fail("\(arguments.first ?? ""): \(error)", 64)
} catch {
  fail("\(arguments.first ?? ""): \(error)", 1)
}
