internal import JSON
internal import Kubernetes
internal import Linux

/// Keeps the EndpointSlices of Services with a selector. Keys are Services.
final class EndpointSliceController: Controller {
  static let manager = "endpointslice-controller.k8s.io"

  let name = "endpointslices"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext
  private let writer: EndpointSliceWriter
  private let selectors: ServiceSelectors
  private let triggers = ChangeTriggerTimes()

  init(_ context: ControllerContext, selectors: ServiceSelectors) {
    self.context = context
    self.selectors = selectors
    writer = EndpointSliceWriter(context, queue: queue, manager: Self.manager)
  }

  func observe() {
    queue.follow(context.services)
    selectors.observe { [queue] in queue.add($0) }
    writer.observe(queue)
    context.nodes.observe { [context, queue] old, new in
      guard context.nodes.hasSynced, ZoneShares.isDifferent(old, new) else { return }
      for service in context.services.all where ServiceEndpoints(service: service).isTopologyAutomatic {
        queue.add(service.key)
      }
    }
  }

  func reconcile(_ key: NamespacedKey) throws {
    // Slices of a deleted Service are garbage collected through their owner reference.
    guard let service = context.services.get(key) else { return triggers.forget(key) }
    guard !service.isTerminating, service.spec["type"].string != "ExternalName",
      service.serviceSelector != nil, writer.tracker.isSettled(key)
    else { return }
    let pods = context.pods(of: service)
    let wanted = ServiceEndpoints(service: service)
    let owner = EndpointSliceWriter.Owner(
      object: service, labels: wanted.labels(), triggerTime: triggers.next(service, pods))
    let slices = writer.slices(key)
    var plan = EndpointSlicePlan(
      groups: wanted.groups(pods: pods) { self.context.nodes.get("", $0) },
      existing: slices.map { EndpointSliceWriter.planned($0, owner) }, keepsHints: wanted.isTopologyAutomatic)
    if wanted.isTopologyAutomatic { assignZones(&plan, wanted, slices) }
    try writer.carryOut(plan, slices, owner)
  }

  /// Hints in proportion to the zones' CPU, or none, with an Event when that changes.
  private func assignZones(_ plan: inout EndpointSlicePlan, _ wanted: ServiceEndpoints, _ slices: [KubernetesObject]) {
    for addressType in wanted.addressTypes {
      let hadHints = slices.contains { slice in
        slice.json["addressType"].string == addressType
          && slice.json["endpoints"].elements.contains { !$0["hints"].isNull }
      }
      do throws(ZoneShares.Refusal) {
        try plan.assignZones(addressType, ZoneShares(nodes: context.nodes.all))
        guard !hadHints else { continue }
        context.events.record(
          wanted.service, reason: "TopologyAwareHintsEnabled",
          message: "Endpoints (\(addressType)) have hints in proportion to the CPU of their zones.")
      } catch {
        plan.removeHints(addressType)
        guard hadHints else { continue }
        context.events.record(
          wanted.service, .warning, reason: "TopologyAwareHintsDisabled",
          message: "Endpoints (\(addressType)) have no hints: \(error).")
      }
    }
  }
}
