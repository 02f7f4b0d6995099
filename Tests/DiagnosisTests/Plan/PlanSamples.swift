import Addressing
import Diagnosis

/// Requests as tables write them.
struct PlanSample: Sendable, CustomStringConvertible {
  var nodes = ["192.168.77.0/24"]
  var pods = ["10.244.0.0/16"]
  var services = ["10.96.0.0/16"]
  /// `kind prefix`
  var taken: [String] = []
  var masks: [IPFamily: Int] = [:]
  var nodeCount: Int? = 3
  var maximum: Int?
  var podsPerNode: Int? = 110
  var serviceCount: Int?
  var surge = 25
  var families: [IPFamily]?
  var targets: [PlanTarget] = [.kubeadm]

  var description: String {
    "nodes \(nodes) pods \(pods) services \(services) taken \(taken) masks \(masks) for \(targets), "
      + "\(nodeCount ?? 0)...\(maximum ?? 0) nodes, \(podsPerNode ?? 0) pods, \(serviceCount ?? 0) services"
  }

  /// Ranges may have host bits, as those of options and files.
  static func range(_ role: PlannedRange.Role, _ text: String) -> PlannedRange {
    let words = text.split(separator: " ").map(String.init)
    let network = words.count == 2 ? PlannedRange.Network(rawValue: words[0])! : .other
    let (address, length) = try! Prefix.parseInterface(words.last!)
    let source = role == .reserved ? "--avoid" : "--\(role.rawValue)-range"
    return PlannedRange(role, Prefix(address, length: length), from: source, network: network, written: address)
  }

  var request: PlanRequest {
    var request = PlanRequest()
    request.nodes = nodes.map { Self.range(.node, $0) }
    request.pods = pods.map { Self.range(.pod, $0) }
    request.services = services.map { Self.range(.service, $0) }
    request.taken = taken.map { Self.range(.reserved, $0) }
    request.nodeMasks = masks
    request.demand.nodes = nodeCount
    request.demand.maximumNodes = maximum
    request.demand.podsPerNode = podsPerNode
    request.demand.services = serviceCount
    request.demand.surge = surge
    request.wantedFamilies = families
    request.targets = targets
    return request
  }
}
