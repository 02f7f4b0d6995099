internal import CLinux

/// One change asked of rtnetlink, encoded: what to do and to what. Made by the static functions of its extensions,
/// carried out by `RouteSocket.perform`, alone or many in one send.
package struct RouteRequest: Sendable {
  let type: UInt16
  let flags: UInt16
  /// What is asked, in a few words, for errors.
  package let operation: String
  let body: [UInt8]
  /// Errno values that mean what was wanted is so already.
  private(set) var accepted: [CInt] = []

  init(_ type: Int, flags: CInt = 0, _ operation: String, _ build: (inout NetlinkWriter) -> Void) {
    self.type = UInt16(type)
    self.flags = UInt16(flags)
    self.operation = operation
    var writer = NetlinkWriter()
    writer.reserveCapacity(128)
    build(&writer)
    body = writer.bytes
  }

  /// The same request, taking these errors as success: `EEXIST` of something that may be there already, `ENOENT` of
  /// something that may be gone.
  package func accepting(_ codes: CInt...) -> RouteRequest {
    var request = self
    request.accepted += codes
    return request
  }
}

/// How a thing to be made relates to one that is there.
package enum ExistingEntry: Sendable {
  /// It is an error (EEXIST).
  case isAnError
  /// It is replaced in one step.
  case isReplaced

  var flags: CInt { NLM_F_CREATE | (self == .isAnError ? NLM_F_EXCL : NLM_F_REPLACE) }
}
