internal import JSON
internal import Kubernetes
internal import Linux

/// Mirrors the Endpoints that somebody wrote for a Service without a selector into EndpointSlices, which is all that agents
/// read. Keys are Endpoints, which have their Services' names.
final class EndpointSliceMirroringController: Controller {
  static let manager = "endpointslicemirroring-controller.k8s.io"

  let name = "endpointslice mirroring"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext
  private let writer: EndpointSliceWriter

  init(_ context: ControllerContext) {
    self.context = context
    writer = EndpointSliceWriter(context, queue: queue, manager: Self.manager)
  }

  func observe() {
    queue.follow(context.endpoints)
    context.services.observe { [queue] old, new in
      guard let service = new ?? old, old?.serviceSelector != new?.serviceSelector || old == nil || new == nil else {
        return
      }
      queue.add(service.key)
    }
    writer.observe(queue)
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard writer.tracker.isSettled(key) else { return }
    guard let endpoints = context.endpoints.get(key), let service = context.services.get(key),
      service.serviceSelector == nil, case let mirrored = MirroredEndpoints(endpoints: endpoints), mirrored.isMirrored
    else { return try writer.deleteAll(key) }
    guard !endpoints.isTerminating, !service.isTerminating else { return }
    let slices = writer.slices(key)
    let owner = EndpointSliceWriter.Owner(
      object: endpoints, labels: mirrored.labels, annotations: mirrored.annotations,
      triggerTime: endpoints.annotations[ChangeTriggerTimes.annotation].flatMap { Timestamp($0) })
    let (groups, skipped, invalid) = mirrored.groups()
    let plan = EndpointSlicePlan(groups: groups, existing: slices.map { EndpointSliceWriter.planned($0, owner) })
    if plan.isEmpty { return }
    if skipped > 0 {
      context.events.record(
        endpoints, .warning, reason: "TooManyAddressesToMirror",
        message: "\(skipped) addresses are not mirrored: a subset may have \(MirroredEndpoints.capacity). "
          + "Write EndpointSlices instead.")
    }
    if let text = invalid.first {
      context.events.record(
        endpoints, .warning, reason: "InvalidIPAddress",
        message: "\(invalid.count) addresses are not mirrored, such as \"\(text)\": expected an IPv4 or IPv6 address.")
    }
    try writer.carryOut(plan, slices, owner)
  }
}
