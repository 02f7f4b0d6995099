package import Addressing

/// Answers to a pod's search list at once: a resolver with `ndots:5` asks for an outside name below its own namespace
/// first, then below `svc.<zone>`, the zone, and the domains of the node, before it asks for the name itself. Knowing the
/// namespace of the pod that asks, the first question can be answered with what the last one would have found.
package final class SearchCompletion: Sendable {
  /// The namespace of the pod that has an address; nil for everybody else, who gets plain answers.
  let namespace: @Sendable (IPAddress) -> String?
  /// Domains after the cluster's in pods' search lists.
  let domains: [DomainName]

  package init(domains: [DomainName] = [], namespace: @escaping @Sendable (IPAddress) -> String?) {
    self.domains = domains
    self.namespace = namespace
  }
}

extension Responder {
  /// What a question that began a search list means.
  enum Completed {
    /// A name of the cluster.
    case inside(DomainName, ClusterZone.Finding)
    /// Names to ask upstream for, one after another.
    case outside([DomainName])
  }

  /// The end of the search list that a name which does not exist is the beginning of; nil where it is none.
  func complete(_ name: NameView, _ zone: ClusterZone, client: () -> IPAddress?) -> Completed? {
    guard let completion else { return nil }
    let count = name.labelCount - zone.zone.labels.count
    // The name that is meant, the pod's namespace, `svc`.
    guard count >= 3, name.label(count - 1, is: "svc"), let address = client(),
      let namespace = completion.namespace(address), namespace.utf8.elementsEqual(name.label(count - 2))
    else { return nil }
    let meant = DomainName(validWire: Array(name.wire(0..<(count - 2))) + [0])
    for parent in [zone.services, zone.zone, .root] {
      guard let candidate = meant.below(parent) else { continue }
      let finding = candidate.withView { name -> ClusterZone.Finding in
        name.isWithin(zone.zone) ? zone.find(name, pods: pods) : .nothing
      }
      if case .nothing = finding { continue }
      return .inside(candidate, finding)
    }
    guard hasUpstreams else { return nil }
    var outside = completion.domains.compactMap { meant.below($0) }
    // A single label is never an outside name by itself.
    if meant.labels.count > 1, !meant.withView({ $0.isWithin(zone.zone) }) { outside.append(meant) }
    return outside.isEmpty ? nil : .outside(outside)
  }
}
