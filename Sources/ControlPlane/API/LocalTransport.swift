internal import Glibc
package import Kubernetes
internal import Linux

/// The way to the server for callers in its own process: no sockets, no tokens, known as the system itself.
package struct LocalTransport: APITransport {
  private let handler: APIHandler
  private let user: APIUser

  package init(_ handler: APIHandler, user: APIUser = .system) {
    self.handler = handler
    self.user = user
  }

  package func send(_ request: APIRequest) throws -> APIResponse {
    switch handler.handle(request, user: user) {
    case .response(let response): return response
    case .watch(let stream):
      var body: [UInt8] = []
      Self.pump(stream) { body += $0 }
      return APIResponse(status: 200, headers: ["content-type": "application/json"], body: body)
    case .node: return Self.onlyOutside
    }
  }

  package func stream(
    _ request: APIRequest, onData: @escaping @Sendable ([UInt8]) -> Void,
    onEnd: @escaping @Sendable (Result<APIResponse, any Error>) -> Void
  ) -> any APIStream {
    let answer = handler.handle(request, user: user)
    let local = LocalStream(answer)
    _ = Thread("api-watch", stackSize: 256 * 1024) {
      switch answer {
      case .response(let response):
        if response.status == 200 { onData(response.body) }
        onEnd(.success(response))
      case .watch(let stream):
        Self.pump(stream, onData)
        onEnd(.success(APIResponse(status: 200, headers: ["content-type": "application/json"])))
      case .node: onEnd(.success(Self.onlyOutside))
      }
    }
    return local
  }

  /// Callers in the process have no need of nodes.
  private static let onlyOutside = APIResponse.status(.badRequest("nodes' streams are served over HTTPS only"))

  private static func pump(_ stream: WatchStream, _ take: ([UInt8]) -> Void) {
    while true {
      switch stream.next() {
      case .data(let bytes): take(bytes)
      case .wait(let milliseconds):
        var wanted = pollfd(fd: stream.descriptor, events: Int16(POLLIN), revents: 0)
        poll(&wanted, 1, CInt(clamping: max(milliseconds, 0)))
      case .end: return
      }
    }
  }
}

private final class LocalStream: APIStream {
  private let answer: APIAnswer
  init(_ answer: APIAnswer) { self.answer = answer }

  func cancel() { if case .watch(let stream) = answer { stream.cancel() } }
}
