internal import JSON
internal import Kubernetes

extension APIHandler {
  func watch(_ request: ResourceRequest) throws -> WatchStream {
    let kind = request.kind
    let target = request.target
    let selector = try ObjectSelector(target, kind: kind, name: request.name)
    let asked = try ListRequest(target, isWatch: true)
    let sendsInitial = asked.sendsInitialEvents
    let since = asked.revision
    let wantsBookmarks = target.flag("allowWatchBookmarks")
    if sendsInitial == true { try asked.checkIsPast(store.revision) }
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
      form: request.form)
  }
}
