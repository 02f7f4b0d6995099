internal import CCurl
internal import Linux

/// The way to an API server over HTTP(S) with libcurl. One thread of its own drives all requests and streams; `send` may
/// be called from any thread. Connections are kept and used again. HTTP/1.1: every stream holds a connection.
///
/// Files of the configuration may change at any time: see `CredentialSource`. A new certificate or authority counts for new
/// connections; libcurl uses none again that was made with others.
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
    /// Seconds between two looks at the files of the configuration.
    package var credentialInterval = 1.0
    /// A file of the configuration has changed and cannot be used; what was known goes on being used.
    package var onCredentialError: @Sendable (any Error) -> Void = { _ in }

    package init() {}
  }

  private let credentials: CredentialSource
  private let options: Options
  private let loop: CurlLoop
  private let reachability = Reachability()

  package init(_ config: KubeConfig, options: Options = Options()) {
    credentials = CredentialSource(config, interval: options.credentialInterval, onError: options.onCredentialError)
    self.options = options
    loop = CurlLoop()
  }

  deinit { loop.close() }

  /// Breaks off every request and stream; they end with `TransportError.cancelled`.
  package func close() { loop.close() }

  package func send(_ request: APIRequest) throws -> APIResponse {
    let (config, version) = credentials.current()
    let answer = try exchange(request, config)
    // A token that was replaced a moment ago, while the file was not looked at: once more, with the new one.
    guard answer.status == 401, credentials.refused(version) else { return answer }
    return try exchange(request, credentials.current().config)
  }

  private func exchange(_ request: APIRequest, _ config: KubeConfig) throws -> APIResponse {
    let answer = OneShot<Result<APIResponse, TransportError>>()
    let timeout = request.timeout ?? Double(options.requestTimeout)
    let transfer = try transfer(request, config, timeout: timeout, onData: nil) { answer.set($0) }
    loop.start(transfer)
    return try answer.wait().get()
  }

  package func stream(
    _ request: APIRequest, onData: @escaping @Sendable ([UInt8]) -> Void,
    onEnd: @escaping @Sendable (Result<APIResponse, any Error>) -> Void
  ) -> any APIStream {
    do {
      let (config, version) = credentials.current()
      let transfer = try transfer(request, config, timeout: nil, onData: onData) { [credentials] result in
        // Whoever asks again does so with what is newest.
        if case .success(let answer) = result, answer.status == 401 { _ = credentials.refused(version) }
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

  package func observeReturn(_ observer: any ReturnObserver) { reachability.observe(observer) }

  private func transfer(
    _ request: APIRequest, _ config: KubeConfig, timeout: Double?, onData: (@Sendable ([UInt8]) -> Void)?,
    onEnd: @escaping @Sendable (Result<APIResponse, TransportError>) -> Void
  ) throws(TransportError) -> CurlTransfer {
    let base = config.server.hasSuffix("/") ? String(config.server.dropLast()) : config.server
    let transfer = try CurlTransfer(
      url: base + request.target, server: base, request: request, token: config.token,
      reachability: reachability, onData: onData, onEnd: onEnd)
    transfer.configure(options: options, timeout: timeout, config: config)
    return transfer
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
