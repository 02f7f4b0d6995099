internal import Addressing

extension Worker {
  /// Logs one of `logSampling` questions: who asked, what, and what was answered at once.
  func logQuestion(
    _ block: ServerBlock, _ outcome: Responder.Outcome, _ length: Int, isTCP: Bool, client: () -> Waiter.Client
  ) {
    guard turn % block.rules.logSampling == 0, let address = client().address else { return }
    let who = shared.configuration.podName?(address).map { " (\($0))" } ?? ""
    let what =
      switch outcome {
      case .answered(let code): "code \(code.rawValue), \(length) bytes"
      case .forward(let forwarding): "asked elsewhere" + (forwarding.asked.map { " as \($0)" } ?? "")
      }
    let name = query.name.text ?? query.name.name.description
    shared.configuration.queryLog("\(address)\(who) \(isTCP ? "tcp" : "udp") \(query.type.name) \(name) \(what)")
  }
}
