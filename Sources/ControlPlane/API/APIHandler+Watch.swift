internal import JSON
internal import Kubernetes

extension APIHandler {
  func watch(_ request: ResourceRequest) throws -> WatchStream {
    let kind = request.kind
    let target = request.target
    let selector = try ObjectSelector(target, kind: kind, name: request.name)
    let wanted = target["resourceVersion"] ?? ""
    let sendsInitial = target["sendInitialEvents"].map { _ in target.flag("sendInitialEvents") }
    let match = target["resourceVersionMatch"] ?? ""
    let wantsBookmarks = target.flag("allowWatchBookmarks")
    if sendsInitial != nil, match != "NotOlderThan" {
      throw StatusError.badRequest(
        "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, found \"\(match)\"")
    }
    var since: UInt64?
    if !wanted.isEmpty, wanted != "0" {
      guard let revision = UInt64(wanted) else {
        throw StatusError.badRequest("resourceVersion: found \"\(wanted)\", expected a number")
      }
      since = revision
    }
    let begin: UInt64
    var initial: [StoredObject] = []
    let followsNow = since == nil && sendsInitial == false
    if let since, sendsInitial != true {
      begin = since
    } else {
      let (revision, objects) = store.list(kind.storage, namespace: request.namespace)
      begin = revision
      if !followsNow { initial = objects.filter(selector.matches) }
    }
    let seconds = try target.number("timeoutSeconds") ?? Int.random(in: 1800...3600)
    return WatchStream(
      kind: kind, namespace: request.namespace, selector: selector,
      cursor: try store.follow(kind.storage, after: begin),
      revision: begin, initial: initial, endsInitialWithBookmark: sendsInitial == true && wantsBookmarks,
      wantsBookmarks: wantsBookmarks, timeoutMilliseconds: seconds * 1000,
      format: TableFormat(accept: request.accept, target: target))
  }
}
