internal import Glibc
internal import Linux

extension CNIPlugin {
  /// The whole program: environment and standard input in, standard output and the exit status out.
  package func main() -> Int32 {
    var environment: [String: String] = [:]
    for name in CNIRequest.variables {
      if let value = getenv(name) { environment[name] = String(cString: value) }
    }
    // The standard streams are closed once used; the program ends right after.
    let answer = answer(environment: environment) { try FileDescriptor(owning: STDIN_FILENO).readAll() }
    do {
      if !answer.output.isEmpty { try FileDescriptor(owning: STDOUT_FILENO).writeAll(answer.output) }
      if !answer.errorOutput.isEmpty {
        try FileDescriptor(owning: STDERR_FILENO).writeAll(Array(answer.errorOutput.utf8))
      }
    } catch {
      return 1
    }
    return answer.status
  }
}
