package import Addressing
package import Linux

/// What a kubelet asks an agent: `/livez`, whether restarting it could help, and `/readyz`, whether the node's network is
/// what the cluster wants. Neither depends on the API server once all is known: without it the data plane stays as it is,
/// and a restarted agent would know nothing at all.
package final class AgentHealth: Sendable {
  /// Seconds without a sign of life after which a plane's thread counts as stuck; it looks for work every ten.
  package static let patience = 180.0
  /// Seconds of failures in a row after which a plane is not ready.
  package static let tolerance = 30.0

  package typealias Observation = (hasSynced: Bool, planes: [(name: String, status: PlaneRunner.Status)])

  private let responder: HTTPResponder
  private let address: AddressAndPort

  package init(_ address: AddressAndPort, observe: @escaping @Sendable () -> Observation) throws(SystemError) {
    self.address = address
    responder = try HTTPResponder("agent health") { Self.answer($0, observe(), now: Time.monotonicSeconds) }
  }

  package func start() {
    responder.start()
    responder.listen([address])
  }

  package func stop() { responder.stop() }

  package static func answer(
    _ question: HTTPResponder.Question, _ observation: Observation, now: Double
  ) -> HTTPResponder.Answer {
    var problems: [String] = []
    switch question.path {
    case "/livez", "/healthz":
      for (name, status) in observation.planes where now - status.lastSign > patience {
        problems.append("plane \(name) has been stuck for \(Int(now - status.lastSign)) s")
      }
    case "/readyz":
      if !observation.hasSynced { problems.append("the cluster's objects have not all been listed yet") }
      for (name, status) in observation.planes {
        if let since = status.failingSince, now - since > tolerance || !status.hasSynced {
          problems.append("plane \(name) has failed for \(Int(now - since)) s: \(status.failure ?? "")")
        } else if !status.hasSynced, observation.hasSynced {
          problems.append("plane \(name) has not done its first work yet")
        }
      }
    default: return HTTPResponder.Answer(404, "there is no \(question.path) here; ask for /livez or /readyz\n")
    }
    return problems.isEmpty
      ? HTTPResponder.Answer(200, "ok\n") : HTTPResponder.Answer(503, problems.map { $0 + "\n" }.joined())
  }
}
