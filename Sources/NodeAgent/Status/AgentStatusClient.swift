internal import Glibc
package import JSON
internal import Linux

/// Why an agent cannot be asked, as a sentence for whoever asked.
package struct AgentStatusError: Error, Hashable, Sendable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}

/// Asks an agent what it is doing.
package struct AgentStatusClient: Sendable {
  /// The socket's name in the agent's state directory.
  package static let socketName = "agent.sock"

  package let path: String

  package init(stateDirectory: String) { path = "\(stateDirectory)/\(Self.socketName)" }

  /// The agent's status, an object.
  package func status() throws(AgentStatusError) -> JSON { try ask("status") }

  /// The answer to one question, an object.
  package func ask(_ request: String) throws(AgentStatusError) -> JSON {
    let bytes: [UInt8]
    do {
      let socket = try UnixSocket.connect(path, timeout: 15)
      try socket.writeAll(Array("\(request)\n".utf8))
      bytes = try socket.readAll()
    } catch {
      throw AgentStatusError(sentence(error.code, "\(error)"))
    }
    guard let json = try? JSON(parsing: bytes), json.object != nil else {
      throw AgentStatusError(
        "what answers on \(path) is no agent of this version: found \(bytes.count) bytes, expected one JSON object")
    }
    if let refusal = json["error"].string { throw AgentStatusError("the agent at \(path) refuses: \(refusal)") }
    return json
  }

  private func sentence(_ code: CInt, _ text: String) -> String {
    let folder = Files.parent(of: path)
    switch code {
    case ENOENT:
      return "no agent runs with the state directory \(folder): there is no \(path). Start one with "
        + "`swiftlet agent --state-dir \(folder) …`, or name another directory with --state-dir"
    case ECONNREFUSED:
      return
        "the agent that made \(path) runs no more and was ended without a chance to remove it; its routes and rules "
        + "stay in force. Start it again to go on"
    case EACCES, EPERM: return "only root may ask the agent at \(path); try again with sudo"
    case EAGAIN: return "the agent at \(path) has not answered for 15 seconds; see its log"
    default: return text
    }
  }
}
