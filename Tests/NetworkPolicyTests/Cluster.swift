import Addressing
import ClusterModel
import JSON
import NetworkPolicy

/// A cluster built from short texts, through the same decoding as the API's objects.
final class Cluster {
  let state = ClusterState()

  @discardableResult
  func node(_ name: String, address: String, ranges: String...) throws -> ChangeKey {
    let ranges = ranges.map { #""\#($0)""# }.joined(separator: ",")
    _ = state.apply(
      .node,
      .upsert(
        try JSON(
          parsing: """
            {"metadata":{"name":"\(name)"},"spec":{"podCIDRs":[\(ranges)]},
             "status":{"addresses":[{"type":"InternalIP","address":"\(address)"}]}}
            """)))
    return .node(name)
  }

  @discardableResult
  func namespace(_ name: String, _ labels: [String: String] = [:]) -> ChangeKey {
    _ = state.apply(.namespace, .upsert(["metadata": ["name": .string(name), "labels": JSON(stringMap: labels)]]))
    return .namespace(name)
  }

  /// `ports` are `name:number/PROTOCOL`, separated by spaces.
  @discardableResult
  func pod(
    _ namespace: String, _ name: String, _ labels: [String: String] = [:], node: String, _ addresses: String...,
    ports: String = "", phase: String = "Running", isHost: Bool = false
  ) -> ChangeKey {
    let ports: [JSON] = ports.split(separator: " ").map { text in
      let parts = text.split { $0 == ":" || $0 == "/" }.map(String.init)
      return ["name": .string(parts[0]), "containerPort": .int(Int64(parts[1])!), "protocol": .string(parts[2])]
    }
    _ = state.apply(
      .pod,
      .upsert([
        "metadata": [
          "name": .string(name), "namespace": .string(namespace), "labels": JSON(stringMap: labels),
        ],
        "spec": [
          "nodeName": .string(node), "hostNetwork": .bool(isHost), "containers": [["ports": .array(ports)]],
        ],
        "status": ["phase": .string(phase), "podIPs": .array(addresses.map { ["ip": .string($0)] })],
      ]))
    return .pod(NamespacedName(namespace, name))
  }

  @discardableResult
  func policy(_ namespace: String, _ name: String, _ spec: String) throws -> ChangeKey {
    let changes = state.apply(
      .networkPolicy,
      .upsert(
        try JSON(parsing: #"{"metadata":{"name":"\#(name)","namespace":"\#(namespace)"},"spec":\#(spec)}"#)))
    if let problem = changes.problems.first { throw problem }
    return .policy(NamespacedName(namespace, name))
  }

  func remove(_ kind: ModelKind, _ namespace: String, _ name: String) {
    _ = state.apply(kind, .delete(NamespacedName(namespace, name)))
  }

  func evaluate(_ from: String, _ to: String, _ transport: TransportProtocol?, _ port: UInt16) -> PolicyVerdict {
    PolicyVerdict.evaluate(from: IPAddress(from)!, to: IPAddress(to)!, transport, port: port, in: state)
  }

  /// What the compiled tables on a connection's way say: those of the nodes whose pods are its ends. A node's own
  /// traffic with its pods does not pass `forward`.
  func judge(
    _ tables: [String: PolicyTable], _ from: String, _ to: String, _ transport: TransportProtocol?, _ port: UInt16
  ) -> Bool {
    let (client, server) = (IPAddress(from)!, IPAddress(to)!)
    return state.nodes.values.allSatisfy { node in
      let isOwn = [client, server].contains { address in
        node.addresses.contains(address) || node.podRanges.contains { $0.address(at: 1) == address }
      }
      let isOnTheWay = node.podRanges.contains { $0.contains(client) || $0.contains(server) }
      return isOwn || !isOnTheWay
        || tables[node.name]!.judge(from: client, to: server, transport, port: port).isAllowed
    }
  }

  /// Freshly compiled tables of all nodes.
  var tables: [String: PolicyTable] {
    state.nodes.mapValues { PolicyModel(node: $0.name, compiling: state).table }
  }
}
