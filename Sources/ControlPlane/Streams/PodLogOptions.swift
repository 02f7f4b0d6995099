package import Kubernetes

/// What of a container's log is wanted: the parameters of `pods/log` and of a kubelet's `containerLogs`.
package struct PodLogOptions: Sendable, Hashable {
  package var follow = false
  /// The run before the last restart.
  package var previous = false
  package var timestamps = false
  /// Nil: all.
  package var tailLines: Int?
  /// Lines from then on.
  package var since: Timestamp?
  /// Bytes.
  package var limit: Int?

  package init() {}

  static let kind = ResourceKind("", "v1", "PodLogOptions", "podlogoptions")

  /// - Parameters:
  ///   - name: the pod's, for errors.
  ///   - now: what `sinceSeconds` counts from.
  package init(_ target: RequestTarget, name: String, now: Timestamp) throws(StatusError) {
    follow = target.flag("follow")
    previous = target.flag("previous")
    timestamps = target.flag("timestamps")
    var faults: [FieldFault] = []
    tailLines = try target.number("tailLines")
    if let tailLines, tailLines < 0 {
      faults.append(.invalid("tailLines", .int(Int64(tailLines)), "must be greater than or equal to 0"))
    }
    limit = try target.number("limitBytes")
    if let limit, limit < 1 {
      faults.append(.invalid("limitBytes", .int(Int64(limit)), "must be greater than 0"))
    }
    if let seconds = try target.number("sinceSeconds") {
      if seconds < 1 { faults.append(.invalid("sinceSeconds", .int(Int64(seconds)), "must be greater than 0")) }
      since = now.adding(seconds: -Double(seconds))
    }
    if let text = target["sinceTime"], !text.isEmpty {
      guard let time = Timestamp(text) else {
        throw .badRequest("query parameter sinceTime: found \"\(text)\", expected a time of RFC 3339")
      }
      if since != nil {
        faults.append(.forbidden("sinceTime", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
      }
      since = time
    }
    guard faults.isEmpty else { throw .invalid(Self.kind, name, faults) }
  }
}
