/// One request to an API server.
package struct APIRequest: Sendable {
  /// GET, POST, PUT, PATCH or DELETE.
  package var method: String
  /// Path and query, percent-encoded: `/api/v1/pods?limit=500`.
  package var target: String
  /// Header fields; names in lower case.
  package var headers: [String: String]
  package var body: [UInt8]
  /// Seconds within which the whole answer must be there; nil: as long as the transport allows.
  package var timeout: Double?

  package init(_ method: String, _ target: String, headers: [String: String] = [:], body: [UInt8] = []) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
  }
}

/// A whole answer of an API server.
package struct APIResponse: Sendable {
  package var status: Int
  /// Header fields; names in lower case.
  package var headers: [String: String]
  package var body: [UInt8]

  package init(status: Int, headers: [String: String] = [:], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }
}

/// A request whose answer goes on and on (a watch).
package protocol APIStream: AnyObject, Sendable {
  /// Ends the stream; `onEnd` may still be called once.
  func cancel()
}

/// The way to an API server: over HTTPS, or by a call inside the process that holds the server.
package protocol APITransport: Sendable {
  /// Sends a request and waits for the whole answer, whatever its status. Throws only if there was none.
  func send(_ request: APIRequest) throws -> APIResponse

  /// Sends a request and hands its body over in pieces as they come. Calls are made one after another on a thread of the
  /// transport and must not block: first `onData` any number of times, if the status is 200, then `onEnd` once, with the
  /// answer (its body only where the status is another), or with an error if the connection failed.
  func stream(
    _ request: APIRequest, onData: @escaping @Sendable ([UInt8]) -> Void,
    onEnd: @escaping @Sendable (Result<APIResponse, any Error>) -> Void
  ) -> any APIStream

  /// Is told when the server answers somebody again after it could not be reached, so that others need not sit their pauses
  /// out. The observer is kept weakly, and called on a thread of the transport.
  func observeReturn(_ observer: any ReturnObserver)
}

extension APITransport {
  /// Where the way cannot be cut nobody needs to be told.
  package func observeReturn(_ observer: any ReturnObserver) {}
}

/// Somebody who waits for an API server to come back.
package protocol ReturnObserver: AnyObject, Sendable {
  func serverReturned()
}
