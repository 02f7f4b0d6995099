internal import JSON
internal import Kubernetes

/// What part of the cluster's CPU is in which zone, and so how many of a Service's endpoints each zone should have: the
/// rule of the annotation `service.kubernetes.io/topology-mode: Auto` (KEP-2433). Pure.
struct ZoneShares: Equatable {
  /// Why no hints are given.
  enum Refusal: Error, Equatable, CustomStringConvertible {
    case incompleteNode(String)
    case tooFewZones(Int)
    case tooFewEndpoints(Int, zones: Int)
    case overload(endpoints: Int, zones: Int)
    case endpointWithoutZone(String)

    var description: String {
      switch self {
      case .incompleteNode(let name):
        "node \(name) has no label \(ServiceEndpoints.zoneLabel) or no allocatable CPU; every ready node needs both"
      case .tooFewZones(let count): "ready nodes are in \(count) zone(s); at least two are needed"
      case .tooFewEndpoints(let count, let zones): "\(count) ready endpoint(s) are too few for \(zones) zones"
      case .overload(let endpoints, let zones):
        "\(endpoints) endpoints cannot be shared among \(zones) zones without loading one more than 20% above its share"
      case .endpointWithoutZone(let address): "endpoint \(address) is in no zone"
      }
    }
  }

  /// How many endpoints a zone should have.
  struct Allocation: Equatable {
    var desired: Double
    var minimum: Int
    var maximum: Int
  }

  /// How much above its share a zone's endpoints may be loaded.
  static let overloadThreshold = 0.2

  /// Zone to part of all CPU; the sum is 1.
  let shares: [String: Double]

  /// Nodes that are not ready do not count, nor do those of the control plane.
  init(nodes: [KubernetesObject]) throws(Refusal) {
    var cpus: [String: Int] = [:]
    for node in nodes where Self.counts(node) {
      guard let zone = node.labels[ServiceEndpoints.zoneLabel], !zone.isEmpty, case let cpu = Self.cpu(node), cpu > 0
      else { throw .incompleteNode(node.name) }
      cpus[zone, default: 0] += cpu
    }
    guard cpus.count >= 2 else { throw .tooFewZones(cpus.count) }
    let total = Double(cpus.values.reduce(0, +))
    shares = cpus.mapValues { Double($0) / total }
  }

  private static func counts(_ node: KubernetesObject) -> Bool {
    let isControlPlane = ["control-plane", "master"].contains { node.labels["node-role.kubernetes.io/\($0)"] != nil }
    return !isControlPlane && node.isTrue("Ready")
  }

  private static func cpu(_ node: KubernetesObject) -> Int {
    Quantity(node.status["allocatable", "cpu"])?.thousandths ?? 0
  }

  /// Whether a change of a node changes the shares.
  static func isDifferent(_ old: KubernetesObject?, _ new: KubernetesObject?) -> Bool {
    func facts(_ node: KubernetesObject?) -> [String]? {
      guard let node, counts(node) else { return nil }
      return [node.labels[ServiceEndpoints.zoneLabel] ?? "", String(cpu(node))]
    }
    return facts(old) != facts(new)
  }

  /// Allocations for so many ready endpoints.
  func allocations(_ endpoints: Int) throws(Refusal) -> [String: Allocation] {
    guard endpoints >= shares.count else { throw .tooFewEndpoints(endpoints, zones: shares.count) }
    var allocations: [String: Allocation] = [:]
    var left = endpoints
    for (zone, share) in shares {
      let desired = share * Double(endpoints)
      let minimum = max(1, Int((desired / (1 + Self.overloadThreshold)).rounded(.up)))
      allocations[zone] = Allocation(desired: desired, minimum: minimum, maximum: 0)
      left -= minimum
    }
    guard left >= 0 else { throw .overload(endpoints: endpoints, zones: shares.count) }
    return allocations.mapValues { allocation in
      Allocation(desired: allocation.desired, minimum: allocation.minimum, maximum: allocation.minimum + left)
    }
  }
}
