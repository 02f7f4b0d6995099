package import Kubernetes
internal import JSON

/// The API server of `swiftlet server`: the store, the allocators, and the handler over both.
package final class APIServer: Sendable {
  package let configuration: APIServerConfiguration
  package let store: ObjectStore
  package let handler: APIHandler

  /// Opens the store, learns what is allocated, and makes the objects every cluster has. Does not listen yet.
  package init(_ configuration: APIServerConfiguration) throws {
    self.configuration = configuration
    let admissions: [any Admission] = [
      ClusterIPAllocator(ranges: configuration.serviceRanges), NodePortAllocator(range: configuration.nodePorts),
    ]
    store = try ObjectStore(path: configuration.databasePath) { events in
      for event in events { for admission in admissions { admission.committed(event) } }
    }
    for service in store.list("services").objects {
      for admission in admissions { admission.committed(StoreEvent(kind: .added, object: service, old: nil)) }
    }
    handler = APIHandler(store: store, admissions: admissions)
    try Bootstrap(handler: handler, configuration: configuration).run()
  }

  /// Calls inside the process, known as the system itself.
  package var transport: any APITransport { LocalTransport(handler) }
}
