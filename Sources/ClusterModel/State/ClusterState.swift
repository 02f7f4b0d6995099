package import Addressing
package import JSON
package import Kubernetes

/// A cluster as values: everything the planes compile from, with the indexes they ask for.
///
/// It belongs to one queue; hand the values it returns, not the state, to other threads. An object that cannot be decoded
/// leaves the value it had before in place, so that a bad edit changes nothing, and is reported.
package final class ClusterState {
  package private(set) var nodes: [String: Node] = [:]
  package private(set) var namespaces: [String: Namespace] = [:]
  package private(set) var pods: [NamespacedName: Pod] = [:]
  package private(set) var services: [NamespacedName: Service] = [:]
  package private(set) var policies: [NamespacedName: NetworkPolicy] = [:]
  package private(set) var ingresses: [NamespacedName: Ingress] = [:]
  package private(set) var ingressClasses: [String: IngressClass] = [:]
  package private(set) var certificates: [NamespacedName: Certificate] = [:]
  /// Ranges that Services' addresses are given out from, by the names of their ServiceCIDRs.
  package private(set) var serviceRanges: [String: ServiceCIDR] = [:]
  private var slices: [NamespacedName: EndpointSlice] = [:]

  private var texts = SharedText()
  private var slicesByService = NameIndex<NamespacedName>()
  private var podsByNode = NameIndex<String>()
  private var podsByNamespace = NameIndex<String>()
  private var podsByAddress = NameIndex<IPAddress>()
  private var policiesByNamespace = NameIndex<String>()

  package init() {}

  // MARK: Events

  /// Takes one event of a watch.
  package func apply(_ kind: ModelKind, _ event: ModelEvent) -> StateChanges {
    var changes = StateChanges()
    switch event {
    case .upsert(let json): upsert(kind, json, &changes)
    case .delete(let id): remove(kind, id, &changes)
    }
    return changes
  }

  /// Takes a complete list: what it lacks is gone.
  package func replace(_ kind: ModelKind, with objects: [JSON]) -> StateChanges {
    var list = beginReplacing(kind)
    for object in objects { replace(object, &list) }
    return endReplacing(list)
  }

  /// A complete list while it is read object by object.
  package struct Replacement {
    fileprivate let kind: ModelKind
    fileprivate var gone: Set<NamespacedName>
    fileprivate var changes = StateChanges()

    /// Takes over what a list that was not read to its end has changed.
    package mutating func inherit(_ earlier: Replacement) { changes.keys.formUnion(earlier.changes.keys) }
  }

  package func beginReplacing(_ kind: ModelKind) -> Replacement {
    Replacement(kind: kind, gone: identifiers(of: kind))
  }

  /// Takes the next object of a list.
  package func replace(_ object: JSON, _ list: inout Replacement) {
    let metadata = object["metadata"]
    if let name = metadata["name"].string { list.gone.remove(NamespacedName(metadata["namespace"].string ?? "", name)) }
    upsert(list.kind, object, &list.changes)
  }

  /// Takes the list's end: what it lacked is gone. Returns all that it changed.
  package func endReplacing(_ list: consuming Replacement) -> StateChanges {
    for id in list.gone { remove(list.kind, id, &list.changes) }
    return list.changes
  }

  private func upsert(_ kind: ModelKind, _ json: JSON, _ changes: inout StateChanges) {
    do throws(ModelError) {
      switch kind {
      case .node:
        let node = try Node(decoding: json, warnings: &changes.problems)
        if nodes.updateValue(node, forKey: node.name) != node { changes.keys.insert(.node(node.name)) }
      case .namespace:
        let namespace = try Namespace(decoding: json, warnings: &changes.problems)
        if namespaces.updateValue(namespace, forKey: namespace.name) != namespace {
          changes.keys.insert(.namespace(namespace.name))
        }
      case .pod: set(try Pod(decoding: json, warnings: &changes.problems), &changes)
      case .service:
        let service = try Service(decoding: json, warnings: &changes.problems)
        if services.updateValue(service, forKey: service.id) != service { changes.keys.insert(.service(service.id)) }
      case .endpointSlice: try upsertSlice(json, &changes)
      case .networkPolicy:
        let policy = try NetworkPolicy(decoding: json, warnings: &changes.problems)
        if policies.updateValue(policy, forKey: policy.id) != policy { changes.keys.insert(.policy(policy.id)) }
        policiesByNamespace.insert(policy.id, under: policy.id.namespace)
      case .ingress:
        let ingress = try Ingress(decoding: json, warnings: &changes.problems)
        if ingresses.updateValue(ingress, forKey: ingress.id) != ingress { changes.keys.insert(.ingress(ingress.id)) }
      case .ingressClass:
        let value = try IngressClass(decoding: json, warnings: &changes.problems)
        if ingressClasses.updateValue(value, forKey: value.name) != value {
          changes.keys.insert(.ingressClass(value.name))
        }
      case .serviceCIDR:
        let value = try ServiceCIDR(decoding: json, warnings: &changes.problems)
        if serviceRanges.updateValue(value, forKey: value.name) != value {
          changes.keys.insert(.serviceCIDR(value.name))
        }
      case .secret:
        guard Certificate.isCertificate(json) else {
          let reader = try ObjectReader(json, kind: "Secret")
          remove(.secret, reader.id, &changes)
          return
        }
        let value = try Certificate(decoding: json, warnings: &changes.problems)
        if certificates.updateValue(value, forKey: value.id) != value { changes.keys.insert(.certificate(value.id)) }
      }
    } catch {
      changes.problems.append(error)
    }
  }

  private func upsertSlice(_ json: JSON, _ changes: inout StateChanges) throws(ModelError) {
    let reader = try ObjectReader(json, kind: EndpointSlice.kind)
    // Slices of no Service, or of host names (addressType FQDN), are sound objects that nobody here compiles.
    guard json["metadata", "labels"][EndpointSlice.serviceLabel].string?.isEmpty == false,
      json["addressType"].string != "FQDN"
    else {
      remove(.endpointSlice, reader.id, &changes)
      return
    }
    var slice = try EndpointSlice(decoding: json, warnings: &changes.problems)
    for index in slice.endpoints.indices { texts.share(&slice.endpoints[index].node) }
    let old = slices.updateValue(slice, forKey: slice.id)
    guard old != slice else { return }
    if let old, old.service != slice.service {
      slicesByService.remove(old.id, under: old.service)
      changes.keys.insert(.service(old.service))
    }
    slicesByService.insert(slice.id, under: slice.service)
    changes.keys.insert(.service(slice.service))
  }

  private func set(_ decoded: Pod, _ changes: inout StateChanges) {
    var pod = decoded
    texts.share(&pod.node)
    let old = pods.updateValue(pod, forKey: pod.id)
    guard old != pod else { return }
    changes.keys.insert(.pod(pod.id))
    if let old { unindex(old, except: pod) }
    if let node = pod.node { podsByNode.insert(pod.id, under: node) }
    podsByNamespace.insert(pod.id, under: pod.id.namespace)
    if Self.ownsAddresses(pod) { for address in pod.addresses { podsByAddress.insert(pod.id, under: address) } }
  }

  /// Takes a pod out of the indexes, but for the entries that its successor has too.
  private func unindex(_ pod: Pod, except new: Pod?) {
    if let node = pod.node, node != new?.node { podsByNode.remove(pod.id, under: node) }
    if new == nil { podsByNamespace.remove(pod.id, under: pod.id.namespace) }
    for address in pod.addresses { podsByAddress.remove(pod.id, under: address) }
  }

  /// A pod on the host's network has its node's addresses, and one that ended has given its own back.
  private static func ownsAddresses(_ pod: Pod) -> Bool { !pod.isHostNetwork && !pod.isTerminal }

  private func remove(_ kind: ModelKind, _ id: NamespacedName, _ changes: inout StateChanges) {
    switch kind {
    case .node: if nodes.removeValue(forKey: id.name) != nil { changes.keys.insert(.node(id.name)) }
    case .namespace: if namespaces.removeValue(forKey: id.name) != nil { changes.keys.insert(.namespace(id.name)) }
    case .pod:
      guard let old = pods.removeValue(forKey: id) else { return }
      unindex(old, except: nil)
      changes.keys.insert(.pod(id))
    case .service: if services.removeValue(forKey: id) != nil { changes.keys.insert(.service(id)) }
    case .endpointSlice:
      guard let old = slices.removeValue(forKey: id) else { return }
      slicesByService.remove(id, under: old.service)
      changes.keys.insert(.service(old.service))
    case .networkPolicy:
      guard policies.removeValue(forKey: id) != nil else { return }
      policiesByNamespace.remove(id, under: id.namespace)
      changes.keys.insert(.policy(id))
    case .ingress: if ingresses.removeValue(forKey: id) != nil { changes.keys.insert(.ingress(id)) }
    case .ingressClass:
      if ingressClasses.removeValue(forKey: id.name) != nil { changes.keys.insert(.ingressClass(id.name)) }
    case .serviceCIDR:
      if serviceRanges.removeValue(forKey: id.name) != nil { changes.keys.insert(.serviceCIDR(id.name)) }
    case .secret: if certificates.removeValue(forKey: id) != nil { changes.keys.insert(.certificate(id)) }
    }
  }

  private func identifiers(of kind: ModelKind) -> Set<NamespacedName> {
    switch kind {
    case .node: Set(nodes.keys.map { NamespacedName("", $0) })
    case .namespace: Set(namespaces.keys.map { NamespacedName("", $0) })
    case .pod: Set(pods.keys)
    case .service: Set(services.keys)
    case .endpointSlice: Set(slices.keys)
    case .networkPolicy: Set(policies.keys)
    case .ingress: Set(ingresses.keys)
    case .ingressClass: Set(ingressClasses.keys.map { NamespacedName("", $0) })
    case .secret: Set(certificates.keys)
    case .serviceCIDR: Set(serviceRanges.keys.map { NamespacedName("", $0) })
    }
  }

  // MARK: Lookups

  /// A Service and its slices, in the order of their names; nil where there is no such Service.
  package func serviceWithEndpoints(_ id: NamespacedName) -> ServiceWithEndpoints? {
    services[id].map { ServiceWithEndpoints(service: $0, slices: endpointSlices(of: id)) }
  }

  /// The slices of a Service, in the order of their names, whether or not the Service itself exists.
  package func endpointSlices(of service: NamespacedName) -> [EndpointSlice] {
    slicesByService[service].sorted().compactMap { slices[$0] }
  }

  /// The pods that are scheduled to a node, in no order.
  package func pods(onNode node: String) -> [Pod] { podsByNode[node].compactMap { pods[$0] } }

  /// The pods of a namespace, in no order.
  package func pods(inNamespace namespace: String) -> [Pod] { podsByNamespace[namespace].compactMap { pods[$0] } }

  /// The pods of a namespace whose labels match, in no order.
  package func pods(inNamespace namespace: String, matching selector: LabelSelector) -> [Pod] {
    pods(inNamespace: namespace).filter { selector.matches($0.labels) }
  }

  /// The pod that has an address of its own; of two (one is about to be deleted) the one that is not terminating. Pods on
  /// the host's network and pods that ended have none.
  package func pod(at address: IPAddress) -> Pod? {
    let found = podsByAddress[address].sorted().compactMap { pods[$0] }
    return found.first { !$0.isTerminating } ?? found.first
  }

  /// The policies of a namespace, in the order of their names.
  package func policies(inNamespace namespace: String) -> [NetworkPolicy] {
    policiesByNamespace[namespace].sorted().compactMap { policies[$0] }
  }

  /// The namespaces whose labels match, in no order.
  package func namespaces(matching selector: LabelSelector) -> [Namespace] {
    namespaces.values.filter { selector.matches($0.labels) }
  }
}
