internal import CCurl
internal import Glibc
internal import Linux
internal import Synchronization

/// The way to an API server over HTTP(S) with libcurl. One thread of its own drives all requests and streams; `send` may
/// be called from any thread. Connections are kept and used again. HTTP/1.1: every stream holds a connection.
///
/// A peer that vanished without a word is noticed after about `peerTimeout` seconds by TCP's keepalive probes, or by
/// unanswered data.
package final class HTTPTransport: APITransport {
  package struct Options: Sendable {
    /// Seconds until a connection must stand.
    package var connectTimeout = 10
    /// Seconds until the whole answer of `send` must be there.
    package var requestTimeout = 60
    /// Seconds after which a silent peer counts as gone.
    package var peerTimeout = 30
    package var userAgent = "swiftlet"
    /// An address to connect to instead of the one that the URL's host name leads to; the name still counts for TLS and
    /// for the header Host.
    package var connectTo: String?

    package init() {}
  }

  private struct TokenCache {
    var token: String?
    /// CLOCK_MONOTONIC seconds of the last reading of the file.
    var readAt: Double?
  }

  private let config: KubeConfig
  private let options: Options
  private let loop: CurlLoop
  private let tokenCache = Mutex(TokenCache())

  package init(_ config: KubeConfig, options: Options = Options()) {
    self.config = config
    self.options = options
    loop = CurlLoop()
  }

  deinit { loop.close() }

  /// Breaks off every request and stream; they end with `TransportError.cancelled`.
  package func close() { loop.close() }

  package func send(_ request: APIRequest) throws -> APIResponse {
    let answer = OneShot<Result<APIResponse, TransportError>>()
    let transfer = try transfer(request, timeout: request.timeout ?? Double(options.requestTimeout), onData: nil) {
      answer.set($0)
    }
    loop.start(transfer)
    return try answer.wait().get()
  }

  package func stream(
    _ request: APIRequest, onData: @escaping @Sendable ([UInt8]) -> Void,
    onEnd: @escaping @Sendable (Result<APIResponse, any Error>) -> Void
  ) -> any APIStream {
    do {
      let transfer = try transfer(request, timeout: nil, onData: onData) { result in
        onEnd(result.mapError { $0 as any Error })
      }
      loop.start(transfer)
      return CurlStream(loop: loop, transfer: transfer)
    } catch {
      // Nothing was started: the end is told from another thread, as for any stream.
      _ = Thread("curl-failed") { onEnd(.failure(error)) }
      return CurlStream(loop: loop, transfer: nil)
    }
  }

  private func transfer(
    _ request: APIRequest, timeout: Double?, onData: (@Sendable ([UInt8]) -> Void)?,
    onEnd: @escaping @Sendable (Result<APIResponse, TransportError>) -> Void
  ) throws(TransportError) -> CurlTransfer {
    let base = config.server.hasSuffix("/") ? String(config.server.dropLast()) : config.server
    let transfer = try CurlTransfer(
      url: base + request.target, server: base, request: request, token: currentToken(), onData: onData, onEnd: onEnd)
    transfer.configure(options: options, timeout: timeout, config: config)
    return transfer
  }

  /// The bearer token; a file's is read again once a minute, as client-go does.
  private func currentToken() -> String? {
    guard let file = config.tokenFile else { return config.token }
    let now = Time.monotonicSeconds
    return tokenCache.withLock { cache in
      if let readAt = cache.readAt, now - readAt < 60 { return cache.token }
      cache.readAt = now
      if let bytes = try? FileDescriptor.open(file).readAll() {
        let text = String(decoding: bytes, as: UTF8.self)
        cache.token = String(text.drop { $0.isWhitespace }.prefix { !$0.isWhitespace })
      }
      return cache.token ?? config.token
    }
  }
}

private final class CurlStream: APIStream {
  private let loop: CurlLoop
  private let transfer: CurlTransfer?

  init(loop: CurlLoop, transfer: CurlTransfer?) {
    self.loop = loop
    self.transfer = transfer
  }

  func cancel() { if let transfer { loop.cancel(transfer) } }
}
