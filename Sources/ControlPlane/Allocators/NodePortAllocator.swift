internal import JSON
internal import Synchronization

/// Gives Services of type NodePort and LoadBalancer their ports on nodes, and health check ports.
package final class NodePortAllocator: Admission {
  package let range: ClosedRange<Int>
  /// How often each port is held: within one Service TCP and UDP may share one.
  private let held = Mutex<[Int: Int]>([:])

  package init(range: ClosedRange<Int> = 30000...32767) { self.range = range }

  /// Ports at the beginning that are given out last.
  private var staticBand: Int { range.count <= 16 ? 0 : min(max(16, range.count / 32), 128) }

  package func committed(_ event: StoreEvent) {
    guard event.object.key.resource == "services" else { return }
    let before = event.old.map { Self.ports($0.value) } ?? []
    let after = event.kind == .deleted ? [] : Self.ports(event.object.value)
    guard before != after else { return }
    held.withLock { held in
      for port in after { held[port, default: 0] += 1 }
      for port in before {
        held[port, default: 0] -= 1
        if held[port] == 0 { held[port] = nil }
      }
    }
  }

  /// All ports a Service holds, each once.
  private static func ports(_ service: JSON) -> Set<Int> {
    let ports = service["spec", "ports"].elements.map { $0["nodePort"].int ?? 0 }
    return Set(ports + [service["spec", "healthCheckNodePort"].int ?? 0]).subtracting([0])
  }

  package func admit(_ review: inout AdmissionReview) throws {
    guard review.kind.qualifiedName == "services" else { return }
    var spec = review.object["spec"]
    let type = spec["type"].string
    let isLoadBalancer = type == "LoadBalancer"
    let wantsPorts = type == "NodePort" || (isLoadBalancer && spec["allocateLoadBalancerNodePorts"].bool != false)
    let mine = review.old.map { Self.ports($0) } ?? []
    var taken = held.withLock { Set($0.keys) }.subtracting(mine)
    if type != "NodePort", !isLoadBalancer { spec.updateEach("ports") { $0["nodePort"] = .null } }
    // Ports that are asked for go first, so that none of them is given to a neighbour.
    var given: [Int: Set<String>] = [:]
    var ports = spec["ports"].elements
    for (index, port) in ports.enumerated() {
      guard let number = port["nodePort"].int, number != 0 else { continue }
      let protocolName = port["protocol"].string ?? "TCP"
      try check(number, taken: taken, "spec.ports[\(index)].nodePort", review)
      guard given[number, default: []].insert(protocolName).inserted else {
        throw invalid("spec.ports[\(index)].nodePort", number, "provided port is already allocated", review)
      }
    }
    taken.formUnion(given.keys)
    for index in ports.indices where wantsPorts && (ports[index]["nodePort"].int ?? 0) == 0 {
      let number = try free(&taken)
      ports[index]["nodePort"] = .int(Int64(number))
    }
    if !ports.isEmpty { spec["ports"] = .array(ports) }
    if isLoadBalancer, spec["externalTrafficPolicy"].string == "Local" {
      if let number = spec["healthCheckNodePort"].int, number != 0 {
        try check(number, taken: taken.subtracting(mine), "spec.healthCheckNodePort", review)
      } else {
        spec["healthCheckNodePort"] = .int(Int64(try free(&taken)))
      }
    } else {
      spec["healthCheckNodePort"] = .null
    }
    review.object["spec"] = spec
  }

  private func invalid(_ field: String, _ port: Int, _ reason: String, _ review: AdmissionReview) -> StatusError {
    .invalid(
      review.kind, review.object["metadata", "name"].string ?? "", [.invalid(field, .int(Int64(port)), reason)])
  }

  private func check(_ port: Int, taken: Set<Int>, _ field: String, _ review: AdmissionReview) throws {
    guard range.contains(port) else {
      throw invalid(
        field, port,
        "provided port is not in the valid range. The range of valid ports is \(range.lowerBound)-\(range.upperBound)",
        review)
    }
    if taken.contains(port) { throw invalid(field, port, "provided port is already allocated", review) }
  }

  /// A random free port of the upper band, or the first free one of the lower.
  private func free(_ taken: inout Set<Int>) throws -> Int {
    let upper = Array((range.lowerBound + staticBand)...range.upperBound)
    let start = Int.random(in: 0..<upper.count)
    let candidates = upper[start...] + upper[..<start]
    guard
      let port = candidates.first(where: { !taken.contains($0) })
        ?? (range.lowerBound..<(range.lowerBound + staticBand)).first(where: { !taken.contains($0) })
    else { throw StatusError.internalError("failed to allocate a nodePort: range is full") }
    taken.insert(port)
    return port
  }
}
