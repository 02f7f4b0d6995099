package import ClusterModel
package import Kubernetes
internal import Linux

/// The watches that keep an agent's model the API server's.
package final class ModelFeed: Sendable {
  private let informers: [Informer]

  /// Nothing happens before `start`. Only Secrets of type kubernetes.io/tls are watched.
  package init(_ client: APIClient, kinds: Set<ModelKind>, into model: SharedModel) {
    informers = kinds.sorted { $0.rawValue < $1.rawValue }.map { kind in
      var options = Informer.Options()
      let log = Log("agent watch")
      options.onError = { error in
        if kind.isOptional, let status = error as? APIStatus, status.isNotFound || status.code == 403 {
          // Told once: later answers of this kind change nothing.
          if !model.hasListed(kind) {
            log.info("\(kind.rawValue): this cluster shows none (\(status))")
            model.replace(kind, with: [])
          }
          return
        }
        log.warning("\(kind.rawValue): \(error)")
      }
      return Informer(
        client, kind.resource, kind.selection, options: options,
        // One by one: of a large cluster, whole objects take ten times what the model keeps of them.
        replacing: .each(
          begin: { model.beginReplacing(kind) }, item: { model.replace(kind, $0.json) },
          end: { model.endReplacing(kind) }),
        onEvent: { change, object in
          switch change {
          case .added, .modified: model.apply(kind, .upsert(object.json))
          case .deleted: model.apply(kind, .delete(NamespacedName(object.namespace, object.name)))
          }
        })
    }
  }

  package func start() { for informer in informers { informer.start() } }

  package func stop() {
    for informer in informers { informer.stop() }
    for informer in informers { informer.waitUntilEnded() }
  }
}

extension ModelKind {
  fileprivate var selection: ListOptions {
    self == .secret ? ListOptions(fieldSelector: "type=kubernetes.io/tls") : ListOptions()
  }
}
