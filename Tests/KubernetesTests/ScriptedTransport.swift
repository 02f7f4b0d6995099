import Kubernetes
import Linux
import Synchronization

/// Answers requests from a script and remembers them. Streams deliver their bytes in pieces of a given size, from a thread
/// of their own, and stay open where the script says so.
final class ScriptedTransport: APITransport {
  enum Step: Sendable {
    case answer(Int, String)
    case failure
    /// A stream with these lines, cut into pieces of so many bytes; then its end, unless it stays open.
    case watch(String, piece: Int, staysOpen: Bool)
  }

  private struct State {
    var steps: [Step]
    var requests: [String] = []
    var streams: [Stream] = []
  }

  final class Stream: APIStream {
    private let onEnd: @Sendable (Result<APIResponse, any Error>) -> Void
    private let isEnded = Mutex(false)

    init(_ onEnd: @escaping @Sendable (Result<APIResponse, any Error>) -> Void) { self.onEnd = onEnd }

    func cancel() { end(.failure(TransportError(.cancelled, "cancelled"))) }

    func end(_ result: Result<APIResponse, any Error>) {
      let isFirst = isEnded.withLock { ended in
        defer { ended = true }
        return !ended
      }
      if isFirst { onEnd(result) }
    }
  }

  private let state: Mutex<State>

  init(_ steps: [Step]) { state = Mutex(State(steps: steps)) }

  var requests: [String] { state.withLock { $0.requests } }
  var isDone: Bool { state.withLock { $0.steps.isEmpty } }

  private func next(_ request: APIRequest) -> Step {
    state.withLock { state in
      state.requests.append("\(request.method) \(request.target)")
      return state.steps.isEmpty ? .failure : state.steps.removeFirst()
    }
  }

  func send(_ request: APIRequest) throws -> APIResponse {
    switch next(request) {
    case .answer(let status, let body): return APIResponse(status: status, body: Array(body.utf8))
    default: throw TransportError(.unreachable, "scripted failure")
    }
  }

  func stream(
    _ request: APIRequest, onData: @escaping @Sendable ([UInt8]) -> Void,
    onEnd: @escaping @Sendable (Result<APIResponse, any Error>) -> Void
  ) -> any APIStream {
    let stream = Stream(onEnd)
    let step = next(request)
    _ = Thread("scripted") {
      switch step {
      case .answer(let status, let body):
        stream.end(.success(APIResponse(status: status, body: Array(body.utf8))))
      case .failure: stream.end(.failure(TransportError(.interrupted, "scripted failure")))
      case .watch(let lines, let piece, let staysOpen):
        var rest = Array(lines.utf8)[...]
        while !rest.isEmpty {
          onData(Array(rest.prefix(piece)))
          rest = rest.dropFirst(piece)
        }
        if !staysOpen { stream.end(.success(APIResponse(status: 200))) }
      }
    }
    return stream
  }
}
