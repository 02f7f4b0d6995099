internal import ClusterModel
package import ControlPlane
package import Kubernetes
internal import NodeAgent

/// What each role may do with the API: exactly what its code asks for. `DeployAccessTests` runs the code and compares.
package enum Access {
  /// The agent of every node.
  package static func agent(planes: Set<String>, usesBGP: Bool) -> [Grant] {
    var rules = watching(NodeAgent.kinds(planes: planes, usesBGP: usesBGP).map(\.resource))
    if planes.contains("routing") {
      // A node announces how it is reached in annotations, and that its routes stand in a condition.
      rules.append(Grant("", ["nodes"], ["patch"]))
      rules.append(Grant("", ["nodes/status"], ["patch"]))
    }
    // A warning where a Service asks for what it cannot have.
    if planes.contains("services") { rules.append(Grant("", ["events"], ["create", "patch"])) }
    return rules
  }

  /// Who announces an address the nodes agree on by Leases in the own namespace.
  package static var announcing: [Grant] {
    [Grant("coordination.k8s.io", ["leases"], ["create", "delete", "list", "update", "watch"])]
  }

  /// The agent of a node that serves Ingresses; it alone reads Secrets.
  package static var gateway: [Grant] {
    watching(NodeAgent.kinds(planes: ["gateway"], usesBGP: false).map(\.resource))
      + [Grant("networking.k8s.io", ["ingresses/status"], ["patch"])]
  }

  /// The name servers behind the nodes' own. Names of pods are made of what is asked, so pods are none of their business.
  package static var dns: [Grant] { watching([.services, .endpointSlices, .namespaces]) }

  /// Some of the controllers of `swiftlet controllers`.
  package static func controllers(_ names: Set<RemoteController>) -> [Grant] {
    var rules: [Grant] = []
    if names.contains(.nodeRanges) { rules.append(Grant("", ["nodes"], ["get", "list", "patch", "watch"])) }
    if names.contains(.loadBalancers) {
      rules += watching([.services, .namespaces, .loadBalancerPools])
      rules.append(Grant("", ["services/status"], ["update"]))
      rules.append(Grant("swiftlet.dev", ["loadbalancerpools/status"], ["update"]))
    }
    // A warning where a node, or a Service, gets nothing.
    if !names.isEmpty { rules.append(Grant("", ["events"], ["create", "patch"])) }
    return rules
  }

  /// In the namespace of the election alone.
  package static func election(_ lease: String) -> [Grant] {
    [
      // A name cannot be asked for before there is an object.
      Grant("coordination.k8s.io", ["leases"], ["create"]),
      Grant("coordination.k8s.io", ["leases"], ["get", "update"], names: [lease]),
    ]
  }

  /// One rule a group, in a fixed order.
  package static func watching(_ types: [ResourceType]) -> [Grant] {
    Dictionary(grouping: types, by: \.group).sorted { $0.key < $1.key }.map { group, types in
      Grant(group, types.map(\.plural).sorted(), ["list", "watch"])
    }
  }
}
