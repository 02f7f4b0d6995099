internal import JSON
internal import Kubernetes
internal import Linux

/// Keeps the EndpointSlices of Services with a selector. Keys are Services.
final class EndpointSliceController: Controller {
  let name = "endpointslices"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext
  private let tracker: WriteTracker
  private let selectors: ServiceSelectors

  init(_ context: ControllerContext, selectors: ServiceSelectors) {
    self.context = context
    self.selectors = selectors
    tracker = WriteTracker(context.endpointSlices, queue: queue)
  }

  func observe() {
    queue.follow(context.services)
    selectors.observe { [queue] in queue.add($0) }
    context.endpointSlices.observe { [queue] old, new in
      guard let slice = new ?? old, slice.labels[ServiceEndpoints.managedByLabel] == ServiceEndpoints.manager,
        let service = slice.labels["kubernetes.io/service-name"]
      else { return }
      queue.add(NamespacedKey(slice.namespace, service))
    }
  }

  func reconcile(_ key: NamespacedKey) throws {
    // Slices of a deleted Service are garbage collected through their owner reference.
    guard let service = context.services.get(key), !service.isTerminating,
      service.spec["type"].string != "ExternalName", let selector = service.serviceSelector,
      tracker.isSettled(key)
    else { return }
    let pods = context.pods.list(namespace: key.namespace).filter { selector.matches($0.labels) }
    let wanted = ServiceEndpoints(service: service)
    let labels = wanted.labels()
    let slices = context.endpointSlices.list(ControllerContext.Index.service, key.description)
      .filter { $0.labels[ServiceEndpoints.managedByLabel] == ServiceEndpoints.manager && !$0.isTerminating }
    let plan = EndpointSlicePlan(
      groups: wanted.groups(pods: pods) { self.context.nodes.get("", $0)?.labels["topology.kubernetes.io/zone"] },
      existing: slices.map { slice in
        EndpointSlicePlan.Slice(
          name: slice.name, addressType: slice.json["addressType"].string ?? "",
          ports: ServiceEndpoints.normalized(slice.json["ports"]),
          endpoints: slice.json["endpoints"].elements.map {
            EndpointSlicePlan.Endpoint(identity: ServiceEndpoints.identity($0), json: $0)
          },
          isOutdated: slice.labels != labels || slice.controller?.uid != service.uid)
      })
    let byName = Dictionary(uniqueKeysWithValues: slices.map { ($0.name, $0) })
    for (name, content) in plan.update.sorted(by: { $0.key < $1.key }) {
      guard var slice = byName[name] else { continue }
      Self.fill(&slice, content, labels, service)
      tracker.wrote(try context.client.update(.endpointSlices, slice), for: key)
    }
    for content in plan.create {
      var slice = KubernetesObject(
        .endpointSlices, namespace: key.namespace, name: NameSuffix.generate(key.name + "-"))
      slice.json["addressType"] = .string(content.addressType)
      Self.fill(&slice, content, labels, service)
      tracker.wrote(try context.client.create(.endpointSlices, slice), for: key)
    }
    for name in plan.delete {
      guard let slice = byName[name] else { continue }
      try context.client.delete(.endpointSlices, namespace: key.namespace, name: name, .init(uid: slice.uid))
      tracker.deleted(slice, for: key)
    }
  }

  private static func fill(
    _ slice: inout KubernetesObject, _ content: EndpointSlicePlan.NewSlice, _ labels: [String: String],
    _ service: KubernetesObject
  ) {
    slice.json["ports"] = content.ports
    slice.json["endpoints"] = .array(content.endpoints)
    slice.labels = labels
    slice.ownerReferences = [OwnerReference(controller: service)]
  }
}
