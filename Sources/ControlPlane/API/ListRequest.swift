internal import JSON

/// What the query of a list or watch asks for, checked as Kubernetes checks `ListOptions`.
struct ListRequest {
  /// 0: all at once.
  let limit: Int
  let continueToken: String
  /// Nil: the newest.
  let revision: UInt64?
  /// The list must be of `revision` exactly, not only as new.
  let isExact: Bool
  /// Nil where it is not asked for.
  let sendsInitialEvents: Bool?

  private static let options = ResourceKind("meta.k8s.io", "v1", "ListOptions", "listoptions")

  init(_ target: RequestTarget, isWatch: Bool) throws(StatusError) {
    let version = target["resourceVersion"] ?? ""
    let match = target["resourceVersionMatch"] ?? ""
    limit = try target.number("limit") ?? 0
    continueToken = target["continue"] ?? ""
    sendsInitialEvents = target["sendInitialEvents"].map { _ in target.flag("sendInitialEvents") }
    var collector = FaultCollector()
    if sendsInitialEvents != nil {
      let field = "sendInitialEvents"
      if !isWatch {
        collector.add(.forbidden(field, "\(field) is forbidden for list"))
      } else if match != "NotOlderThan" {
        let reason = "\(field) requires setting resourceVersionMatch to NotOlderThan"
        collector.add(.forbidden("resourceVersionMatch", reason))
      }
    } else if !match.isEmpty {
      let field = "resourceVersionMatch"
      if isWatch {
        collector.add(.forbidden(field, "\(field) is forbidden for watch unless sendInitialEvents is provided"))
      }
      if version.isEmpty {
        collector.add(.forbidden(field, "\(field) is forbidden unless resourceVersion is provided"))
      }
      if !continueToken.isEmpty {
        collector.add(.forbidden(field, "\(field) is forbidden when continue is provided"))
      }
      if !["Exact", "NotOlderThan"].contains(match) {
        collector.add(.notSupported(field, .string(match), ["Exact", "NotOlderThan", ""]))
      }
      if match == "Exact", version == "0" {
        collector.add(.forbidden(field, "\(field) \"Exact\" is forbidden for resourceVersion \"0\""))
      }
    }
    guard collector.faults.isEmpty else { throw .invalid(Self.options, "", collector.faults) }
    if !isWatch, !continueToken.isEmpty, !version.isEmpty, version != "0" {
      throw .badRequest("specifying resource version is not allowed when using continue")
    }
    isExact = match == "Exact"
    guard !version.isEmpty, version != "0" else {
      revision = nil
      return
    }
    guard let number = UInt64(version) else {
      let reason = "strconv.ParseUint: parsing \"\(version)\": invalid syntax"
      throw .invalid(Self.options, "", [.invalid("resourceVersion", .string(version), reason)])
    }
    revision = number
  }

  /// Refuses a revision that has not come yet (a client that saw another server's), which the client asks for again.
  func checkIsPast(_ newest: UInt64) throws(StatusError) {
    guard let revision, revision > newest else { return }
    var error = StatusError(504, "Timeout", "Too large resource version: \(revision), current: \(newest)")
    error.causes = [.init(reason: "ResourceVersionTooLarge", message: "Too large resource version", field: "")]
    error.retryAfterSeconds = 1
    throw error
  }
}
