package import Addressing
internal import JSON
internal import Synchronization

/// Gives Services their virtual addresses from the ServiceCIDRs of the cluster (KEP-1880).
///
/// An address is taken by creating its IPAddress object, in the transaction that stores the Service: neither is ever there
/// without the other. What is taken is also kept as a bitmap, so that finding a free address walks over no Service.
package final class ClusterIPAllocator: Admission {
  static let rangeResource = "servicecidrs.networking.k8s.io"

  package let resources = [rangeResource, ServiceAddress.resource, "services"]
  /// Families of the cluster; the first is the one of single-stack Services.
  private let families: [IPFamily]
  private let state = Mutex(State())

  private struct State {
    /// By name of the ServiceCIDR; only those from which new addresses may come.
    var ranges: [String: [ServiceRange]] = [:]
    /// How many hold an address: its IPAddress object, and each Service that names it. An IPAddress that somebody removed
    /// does not free what a Service uses.
    var holders: [IPAddress: Int] = [:]
    var taken: [IPFamily: NumberSet] = [.v4: NumberSet(), .v6: NumberSet()]

    mutating func count(_ address: IPAddress, _ change: Int) {
      let count = (holders[address] ?? 0) + change
      holders[address] = count == 0 ? nil : count
      if count == 0 {
        taken[address.family]?.remove(address.number)
      } else {
        taken[address.family]?.insert(address.number)
      }
    }

    /// The default range first, then by name.
    var ordered: [ServiceRange] {
      let names = ranges.keys.filter { $0 != ServiceRangeController.defaultName }.sorted()
      return ([ServiceRangeController.defaultName] + names).flatMap { ranges[$0] ?? [] }
    }
  }

  package init(families: [IPFamily]) { self.families = families }

  package func committed(_ event: StoreEvent) {
    let isGone = event.kind == .deleted
    switch event.object.key.resource {
    case Self.rangeResource:
      let name = event.object.key.name
      let isServing = !isGone && Self.isReady(event.object.value)
      let prefixes = event.object.value["spec", "cidrs"].elements.compactMap { $0.string.flatMap { Prefix($0) } }
      state.withLock { $0.ranges[name] = isServing ? prefixes.map { ServiceRange($0) } : nil }
    case ServiceAddress.resource:
      guard isGone || event.old == nil, let address = IPAddress(event.object.key.name) else { return }
      state.withLock { $0.count(address, isGone ? -1 : 1) }
    case "services":
      let before = event.old.map { ServiceAddress.addresses(ofService: $0.value) } ?? []
      let after = isGone ? [] : ServiceAddress.addresses(ofService: event.object.value)
      guard before != after else { return }
      state.withLock { state in
        for address in after { state.count(address, 1) }
        for address in before { state.count(address, -1) }
      }
    default: break
    }
  }

  /// A range that is about to go gives out nothing more; one no controller has looked at yet does.
  private static func isReady(_ range: JSON) -> Bool {
    guard range["metadata", "deletionTimestamp"].isNull else { return false }
    let ready = range["status", "conditions"].elements.first { $0["type"].string == "Ready" }
    return ready.map { $0["status"].string == "True" } ?? true
  }

  package func remove(_ object: StoredObject, _ transaction: StoreTransaction) {
    guard object.key.resource == "services" else { return }
    for address in ServiceAddress.addresses(ofService: object.value) {
      release(address, object.value["metadata"], transaction)
    }
  }

  private func release(_ address: IPAddress, _ metadata: JSON, _ transaction: StoreTransaction) {
    let key = ServiceAddress.key(address)
    guard let found = transaction.get(key),
      ServiceAddress.belongs(
        found.value, namespace: metadata["namespace"].string ?? "", name: metadata["name"].string ?? "")
    else { return }
    transaction.delete(key)
  }

  package func admit(_ review: inout AdmissionReview) throws {
    guard review.kind.qualifiedName == "services" else { return }
    var spec = review.object["spec"]
    let old = review.old.map { ServiceAddress.addresses(ofService: $0) } ?? []
    var addresses: [IPAddress] = []
    if spec["type"].string == "ExternalName" {
      for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] { spec[field] = .null }
    } else {
      let wanted = try wantedFamilies(spec, review)
      if spec["clusterIP"].string == "None" || spec["clusterIPs"].elements.first?.string == "None" {
        spec["clusterIP"] = "None"
        spec["clusterIPs"] = ["None"]
      } else {
        addresses = try choose(wanted, old: old, review)
        spec["clusterIP"] = .string("\(addresses[0])")
        spec["clusterIPs"] = .array(addresses.map { .string("\($0)") })
      }
      spec["ipFamilies"] = .array(wanted.families.map { .string($0.name) })
      spec["ipFamilyPolicy"] = .string(wanted.policy)
    }
    review.object["spec"] = spec
    let metadata = review.object["metadata"]
    for address in addresses where !old.contains(where: { $0 == address }) {
      review.transaction.put(ServiceAddress.key(address), ServiceAddress.object(address, service: metadata))
    }
    for address in old where !addresses.contains(where: { $0 == address }) {
      release(address, metadata, review.transaction)
    }
  }

  private func wantedFamilies(_ spec: JSON, _ review: AdmissionReview) throws(StatusError) -> ServiceFamilies {
    let oldSpec = review.old.map { $0["spec"] }.flatMap { $0["type"].string == "ExternalName" ? nil : $0 }
    do { return try ServiceFamilies(spec, old: oldSpec, configured: families) } catch {
      throw StatusError.invalid(review.kind, review.object["metadata", "name"].string ?? "", error.faults)
    }
  }

  /// The addresses a Service asks for and, where it asks for none, free ones.
  private func choose(_ wanted: ServiceFamilies, old: [IPAddress], _ review: AdmissionReview) throws -> [IPAddress] {
    try state.withLock { state in
      let ranges = state.ordered
      var chosen: [IPAddress] = []
      for (index, family) in wanted.families.enumerated() {
        if wanted.requested.indices.contains(index) {
          let asked = wanted.requested[index]
          if !old.contains(where: { $0 == asked }), let reason = refusal(asked, ranges, state, review) {
            let list = JSON.array(wanted.requested.map { .string("\($0)") })
            let fault = FieldFault.invalid("spec.clusterIPs", list, "failed to allocate IP \(asked): \(reason)")
            throw StatusError.invalid(review.kind, review.object["metadata", "name"].string ?? "", [fault])
          }
          chosen.append(asked)
        } else {
          let taken = state.taken[family] ?? NumberSet()
          let ofFamily = ranges.filter { $0.prefix.family == family }
          guard let free = ofFamily.lazy.compactMap({ $0.free(taken) }).first else {
            throw StatusError.internalError("failed to allocate a serviceIP: range is full")
          }
          chosen.append(free)
        }
      }
      return chosen
    }
  }

  /// Why a Service cannot have an address, in the API's words; nil if it can.
  private func refusal(_ address: IPAddress, _ ranges: [ServiceRange], _ state: State, _ review: AdmissionReview)
    -> String?
  {
    guard let range = ranges.first(where: { $0.prefix.contains(address) }) else {
      return "the provided network does not match the current range"
    }
    guard ranges.contains(where: { $0.serves(address) }) else {
      return "the provided IP (\(address)) is not in the valid range. The range of valid IPs is \(range.prefix)"
    }
    let isTaken = state.holders[address] != nil || review.transaction.get(ServiceAddress.key(address)) != nil
    return isTaken ? "provided IP is already allocated" : nil
  }
}
