internal import Synchronization

/// A transport whose answers must come until a moment.
final class BoundedTransport: APITransport {
  private let transport: any APITransport
  private let clock: @Sendable () -> Double
  private let deadline = Mutex(Double.infinity)

  init(_ transport: any APITransport, clock: @escaping @Sendable () -> Double) {
    self.transport = transport
    self.clock = clock
  }

  /// From now on answers must be there at `deadline` by the clock.
  func limit(_ deadline: Double) { self.deadline.withLock { $0 = deadline } }

  func send(_ request: APIRequest) throws -> APIResponse {
    var request = request
    request.timeout = max(0.01, deadline.withLock { $0 } - clock())
    return try transport.send(request)
  }

  func stream(
    _ request: APIRequest, onData: @escaping @Sendable ([UInt8]) -> Void,
    onEnd: @escaping @Sendable (Result<APIResponse, any Error>) -> Void
  ) -> any APIStream { transport.stream(request, onData: onData, onEnd: onEnd) }

  func observeReturn(_ observer: any ReturnObserver) { transport.observeReturn(observer) }
}
