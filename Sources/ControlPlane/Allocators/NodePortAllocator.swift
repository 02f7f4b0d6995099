internal import JSON
internal import Synchronization

/// Gives Services of type NodePort and LoadBalancer their ports on nodes, and health check ports, out of one pool.
///
/// What is taken follows from the stored Services and from nothing else, so that no port can leak.
package final class NodePortAllocator: Admission {
  package let range: ClosedRange<Int>
  package let resources = ["services"]
  private let state = Mutex(State())

  private struct State {
    /// How many Services hold a port: more than one only where the store is older than a rule.
    var holders: [Int: Int] = [:]
    var taken = NumberSet()

    mutating func count(_ port: Int, _ change: Int) {
      let count = (holders[port] ?? 0) + change
      holders[port] = count == 0 ? nil : count
      if count == 0 { taken.remove(UInt128(port)) } else { taken.insert(UInt128(port)) }
    }
  }

  package init(range: ClosedRange<Int> = 30000...32767) { self.range = range }

  /// How many ports at the beginning are given out last (KEP-3668: a thirty-second, 16 to 128).
  static func staticBand(_ count: Int) -> Int { count <= 16 ? 0 : min(max(16, count / 32), 128) }

  package func committed(_ event: StoreEvent) {
    guard event.object.key.resource == "services" else { return }
    let before = event.old.map { Self.ports($0.value) } ?? []
    let after = event.kind == .deleted ? [] : Self.ports(event.object.value)
    guard before != after else { return }
    state.withLock { state in
      for port in after { state.count(port, 1) }
      for port in before { state.count(port, -1) }
    }
  }

  /// All ports a Service holds, each once.
  static func ports(_ service: JSON) -> Set<Int> {
    let ports = service["spec", "ports"].elements.map { $0["nodePort"].int ?? 0 }
    return Set(ports + [service["spec", "healthCheckNodePort"].int ?? 0]).filter { $0 > 0 }
  }

  package func admit(_ review: inout AdmissionReview) throws {
    guard review.kind.qualifiedName == "services" else { return }
    var spec = review.object["spec"]
    let type = spec["type"].string
    let isLoadBalancer = type == "LoadBalancer"
    let allocates = type == "NodePort" || (isLoadBalancer && spec["allocateLoadBalancerNodePorts"].bool != false)
    if type != "NodePort", !isLoadBalancer { spec.updateEach("ports") { $0["nodePort"] = .null } }
    var ports = spec["ports"].elements
    // Writes are serial: nobody takes a port before this one is stored or refused.
    var choice = NodePortChoice(
      range: range, mine: review.old.map { Self.ports($0) } ?? [], taken: state.withLock { $0.taken })
    // Ports that are asked for go first, so that none of them is given to a neighbour.
    for (index, port) in ports.enumerated() {
      guard let number = port["nodePort"].int, number != 0 else { continue }
      if let reason = choice.request(number, port: port["port"].int ?? 0, protocolName: Self.protocolName(port)) {
        let fault = FieldFault.invalid("spec.ports[\(index)].nodePort", .int(Int64(number)), reason)
        throw StatusError.invalid(review.kind, review.object["metadata", "name"].string ?? "", [fault])
      }
    }
    for index in ports.indices where allocates && (ports[index]["nodePort"].int ?? 0) == 0 {
      let port = ports[index]
      guard let number = choice.give(port: port["port"].int ?? 0, protocolName: Self.protocolName(port)) else {
        throw StatusError.internalError("failed to allocate a nodePort: range is full")
      }
      ports[index]["nodePort"] = .int(Int64(number))
    }
    let needsHealthCheck = isLoadBalancer && spec["externalTrafficPolicy"].string == "Local"
    spec["healthCheckNodePort"] = needsHealthCheck ? try healthCheck(spec, review.old, &choice) : .null
    if !ports.isEmpty { spec["ports"] = .array(ports) }
    review.object["spec"] = spec
  }

  private static func protocolName(_ port: JSON) -> String { port["protocol"].string ?? "TCP" }

  private func healthCheck(_ spec: JSON, _ old: JSON?, _ choice: inout NodePortChoice) throws(StatusError) -> JSON {
    guard let number = spec["healthCheckNodePort"].int, number != 0 else {
      guard let number = choice.giveHealthCheck() else {
        throw StatusError.internalError("failed to allocate a HealthCheck NodePort 0: range is full")
      }
      return .int(Int64(number))
    }
    let had = old?["spec", "healthCheckNodePort"].int ?? 0
    if let reason = choice.requestHealthCheck(number, had: had) {
      throw StatusError.internalError("failed to allocate requested HealthCheck NodePort \(number): \(reason)")
    }
    return .int(Int64(number))
  }
}
