import Glibc
import Linux
import Testing

@testable import Lab

/// A Python program inside a pod, which runs until its standard input ends.
struct TalkingPod {
  private let client: ChildProcess
  private let input: CInt
  private let output: String

  init(_ program: Program, namespace: String, _ pod: String, _ script: String, _ arguments: String...) throws {
    var ends: [CInt] = [-1, -1]
    try #require(pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    output = "/tmp/swt-lab-talk.\(program.lab)"
    let file = try FileDescriptor.open(output, O_RDWR | O_CREAT | O_TRUNC, mode: 0o600)
    client = try ChildProcess(
      [program.path, "lab", "exec", "-n", namespace, pod, "--", "python3", "-c", script] + arguments,
      environment: program.environment,
      standardInput: .descriptor(ends[0]), standardOutput: .descriptor(file.raw), standardError: .descriptor(file.raw))
    close(ends[0])
    input = ends[1]
  }

  /// Ends its input. Whether it ended well, and all it has said.
  func stop() throws -> (isWell: Bool, said: String) {
    close(input)
    let status = client.wait(timeout: 30)
    defer { unlink(output) }
    return (status?.isSuccess == true, try Files.readText(output))
  }
}
