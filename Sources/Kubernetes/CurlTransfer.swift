internal import CCurl
internal import Glibc

/// One request on its way through libcurl. Made by any thread, then touched by the loop's thread only.
final class CurlTransfer: @unchecked Sendable {
  let easy: UnsafeMutableRawPointer
  private let server: String
  private let reachability: Reachability
  private let onData: (@Sendable ([UInt8]) -> Void)?
  private let onEnd: @Sendable (Result<APIResponse, TransportError>) -> Void
  private let body: UnsafeMutableBufferPointer<UInt8>
  private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
  private var headerList: UnsafeMutablePointer<curl_slist>?
  private var connectList: UnsafeMutablePointer<curl_slist>?
  private var response = APIResponse(status: 0)
  private var isEnded = false

  init(
    url: String, server: String, request: APIRequest, token: String?, reachability: Reachability,
    onData: (@Sendable ([UInt8]) -> Void)?, onEnd: @escaping @Sendable (Result<APIResponse, TransportError>) -> Void
  ) throws(TransportError) {
    _ = CurlLoop.library
    guard let easy = curl_easy_init() else { throw TransportError(.other, "libcurl cannot start a request") }
    self.easy = easy
    self.server = server
    self.reachability = reachability
    self.onData = onData
    self.onEnd = onEnd
    body = .allocate(capacity: request.body.count)
    _ = body.initialize(from: request.body)
    errorText.pointee = 0
    for (name, value) in request.headers { headerList = curl_slist_append(headerList, "\(name): \(value)") }
    if let token, request.headers["authorization"] == nil {
      headerList = curl_slist_append(headerList, "Authorization: Bearer \(token)")
    }
    headerList = curl_slist_append(headerList, "Expect:")  // no round trip before a large body
    swiftlet_curl_set_pointer(easy, CURLOPT_URL, url)
    swiftlet_curl_set_pointer(easy, CURLOPT_CUSTOMREQUEST, request.method)
    if !request.body.isEmpty || request.method == "POST" || request.method == "PUT" || request.method == "PATCH" {
      swiftlet_curl_set_long(easy, CURLOPT_POST, 1)
      swiftlet_curl_set_long(easy, CURLOPT_POSTFIELDSIZE, body.count)
      // libcurl does not copy: the buffer lives as long as this object.
      swiftlet_curl_set_pointer(easy, CURLOPT_POSTFIELDS, body.baseAddress ?? UnsafeMutablePointer(bitPattern: 1))
    }
    swiftlet_curl_set_pointer(easy, CURLOPT_HTTPHEADER, headerList)
  }

  deinit {
    curl_easy_cleanup(easy)
    curl_slist_free_all(headerList)
    curl_slist_free_all(connectList)
    body.deallocate()
    errorText.deallocate()
  }

  func configure(options: HTTPTransport.Options, timeout: Double?, config: KubeConfig) {
    let context = Unmanaged.passUnretained(self).toOpaque()
    swiftlet_curl_set_data_function(easy, CURLOPT_WRITEFUNCTION, receiveBodyPiece, context)
    swiftlet_curl_set_data_function(easy, CURLOPT_HEADERFUNCTION, receiveHeaderLine, context)
    swiftlet_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
    swiftlet_curl_set_pointer(easy, CURLOPT_USERAGENT, options.userAgent)
    swiftlet_curl_set_pointer(easy, CURLOPT_PROXY, "")  // no proxy from the environment
    swiftlet_curl_set_long(easy, CURLOPT_NOSIGNAL, 1)
    swiftlet_curl_set_long(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
    swiftlet_curl_set_long(easy, CURLOPT_CONNECTTIMEOUT, options.connectTimeout)
    // Rounded up: 0 would be no limit at all.
    if let timeout { swiftlet_curl_set_long(easy, CURLOPT_TIMEOUT_MS, max(1, Int((timeout * 1000).rounded(.up)))) }
    swiftlet_curl_set_long(easy, CURLOPT_TCP_KEEPALIVE, 1)
    swiftlet_curl_set_long(easy, CURLOPT_TCP_KEEPIDLE, max(1, options.peerTimeout / 3))
    swiftlet_curl_set_long(easy, CURLOPT_TCP_KEEPINTVL, max(1, options.peerTimeout / 6))
    swiftlet_curl_set_peer_timeout(easy, UInt32(options.peerTimeout) * 1000)
    if let address = options.connectTo {
      // HOST:PORT:CONNECT-TO-HOST:CONNECT-TO-PORT; the empty ones stand for any, and for the URL's own.
      connectList = curl_slist_append(nil, "::\(address.contains(":") ? "[\(address)]" : address):")
      swiftlet_curl_set_pointer(easy, CURLOPT_CONNECT_TO, connectList)
    }
    if config.isVerificationSkipped {
      swiftlet_curl_set_long(easy, CURLOPT_SSL_VERIFYPEER, 0)
      swiftlet_curl_set_long(easy, CURLOPT_SSL_VERIFYHOST, 0)
    }
    setBlob(CURLOPT_CAINFO_BLOB, config.certificateAuthority)
    setBlob(CURLOPT_SSLCERT_BLOB, config.clientCertificate)
    setBlob(CURLOPT_SSLKEY_BLOB, config.clientKey)
  }

  private func setBlob(_ option: CURLoption, _ bytes: [UInt8]?) {
    guard let bytes else { return }
    _ = bytes.withUnsafeBytes { swiftlet_curl_set_blob(easy, option, $0.baseAddress, $0.count) }
  }

  fileprivate func receive(_ bytes: UnsafeBufferPointer<UInt8>) {
    if let onData, response.status == 200 {
      onData(Array(bytes))
    } else {
      response.body += bytes
    }
  }

  fileprivate func receiveHeader(_ bytes: UnsafeBufferPointer<UInt8>) {
    let line = String(decoding: bytes, as: UTF8.self)
    if line.hasPrefix("HTTP/") {
      let fields = line.split(separator: " ", maxSplits: 2)
      reachability.answered()
      response = APIResponse(status: fields.count > 1 ? Int(fields[1].prefix(3)) ?? 0 : 0)
    } else if let colon = line.firstIndex(of: ":") {
      let value = line[line.index(after: colon)...]
      let trimmed = value.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()
      response.headers[line[..<colon].lowercased()] = String(trimmed)
    }
  }

  /// Tells the end once; later calls do nothing.
  func end(_ code: CURLcode) {
    guard !isEnded else { return }
    isEnded = true
    if code == CURLE_OK { return onEnd(.success(response)) }
    let error = error(code)
    if error.isUnreachable { reachability.failed() }
    onEnd(.failure(error))
  }

  func endCancelled() {
    guard !isEnded else { return }
    isEnded = true
    onEnd(.failure(TransportError(.cancelled, "the request to \(server) was cancelled")))
  }

  private func error(_ code: CURLcode) -> TransportError {
    let detail = errorText.pointee == 0 ? String(cString: curl_easy_strerror(code)) : String(cString: errorText)
    let reason: TransportError.Reason
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST: reason = .unresolved
    case CURLE_COULDNT_CONNECT: reason = .unreachable
    // A way that is cut swallows what is sent: the time passes without a connection.
    case CURLE_OPERATION_TIMEDOUT: reason = swiftlet_curl_has_connected(easy) ? .timeout : .unreachable
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE:
      reason = .untrusted
    case CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_GOT_NOTHING: reason = .interrupted
    default: reason = .other
    }
    return TransportError(reason, "API server \(server): \(detail)")
  }
}

private func receiveBodyPiece(
  _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
  guard let bytes, let context else { return 0 }
  UnsafeRawPointer(bytes).withMemoryRebound(to: UInt8.self, capacity: size * count) {
    Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
      .receive(UnsafeBufferPointer(start: $0, count: size * count))
  }
  return size * count
}

private func receiveHeaderLine(
  _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
  guard let bytes, let context else { return 0 }
  UnsafeRawPointer(bytes).withMemoryRebound(to: UInt8.self, capacity: size * count) {
    Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
      .receiveHeader(UnsafeBufferPointer(start: $0, count: size * count))
  }
  return size * count
}
