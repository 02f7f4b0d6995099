import Addressing
import ClusterDNS
import ClusterModel
import HTTPRouting
import JSON
import Kubernetes
import NetworkPolicy
import NodeRouting
import ServiceProxy

let modelParsers: [String: Parser] = [
  "label-selector": { bytes in
    guard let selector = try? LabelSelector(parsing: String(decoding: bytes, as: UTF8.self)) else { return }
    let written = selector.description
    let again = selector.requirements.isEmpty ? selector : try? LabelSelector(parsing: written)
    precondition(again == selector, "what was written does not read back")
    _ = selector.matches(["app": "web"])
  },
  // A list of API objects of every kind, decoded and then compiled by every plane.
  "model": { bytes in
    guard let json = try? JSON(parsing: bytes) else { return }
    let state = cluster(of: json.elements)
    compile(state)
    // Events after the first list, and the same objects once more.
    for object in json.elements {
      for kind in ModelKind.allCases where object["kind"].string == kind.rawValue {
        let again = state.apply(kind, .upsert(object))
        precondition(again.keys.isEmpty || json.elements.count > 1, "an object differs from itself")
      }
    }
    for kind in ModelKind.allCases { _ = state.replace(kind, with: []) }
    precondition(state.pods.isEmpty && state.services.isEmpty && state.policies.isEmpty)
  },
]

/// A cluster's state made of objects that say their kind.
func cluster(of objects: [JSON]) -> ClusterState {
  let state = ClusterState()
  for kind in ModelKind.allCases {
    for problem in state.replace(kind, with: objects.filter { $0["kind"].string == kind.rawValue }).problems {
      _ = "\(problem)"
    }
  }
  return state
}

private func compile(_ state: ClusterState) {
  let services = state.services.keys.compactMap { state.serviceWithEndpoints($0) }
  for service in services { _ = ServiceCompiler(nodeName: "node1").compile(service) }
  _ = RouteCompiler.compile(
    state.ingresses.values, classes: state.ingressClasses.values, certificate: { state.certificates[$0] },
    service: { state.serviceWithEndpoints($0) })
  _ = PolicyModel(node: "node1", compiling: state)
  var table = PeerTable(own: "node1")
  for node in state.nodes.values { _ = table.set(node.name, RoutePeer(node)) }
  for name in state.nodes.keys { _ = table.resolve(name) }
  if let name = try? DomainName(parsing: "cluster.local") {
    ClusterZone(zone: name).replaceAll(services, pods: state.pods.values, namespaces: state.namespaces.keys)
  }
}
