internal import JSON

/// What a client learns of a command's end: the Status on the error channel.
package enum CommandStatus: Hashable, Sendable {
  case exited(Int)
  case failed(String)

  package var bytes: [UInt8] { json.bytes() }

  private var json: JSON {
    switch self {
    case .exited(0): return ["metadata": [:], "status": "Success"]
    case .exited(let code):
      return [
        "metadata": [:], "status": "Failure", "reason": "NonZeroExitCode",
        "message": .string("command terminated with non-zero exit code: exit status \(code)"),
        "details": ["causes": [["reason": "ExitCode", "message": .string(String(code))]]],
      ]
    case .failed(let message):
      return [
        "metadata": [:], "status": "Failure", "reason": "InternalError", "code": 500,
        "message": .string("Internal error occurred: \(message)"),
        "details": ["causes": [["message": .string(message)]]],
      ]
    }
  }
}
