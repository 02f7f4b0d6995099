internal import JSON
package import Kubernetes
package import Linux

/// A pod of the lab as its node's runtime knows it: found by reading the runtime's records, so that it works while the
/// runtime or the API is down.
package struct LabPod: Sendable {
  package let key: ObjectKey
  package let node: String
  package let directory: PodDirectory
  /// Holds the pod's namespaces.
  package let sandbox: ProcessIdentity
  /// Names of its containers.
  package let containers: [String]

  package var uid: String { directory.uid }

  /// All pods whose sandbox lives, on all nodes.
  package static func all(_ site: LabSite) -> [LabPod] {
    let nodes = (try? Files.list("\(site.root)/nodes")) ?? []
    return nodes.flatMap { node in
      PodDirectory.all(stateDirectory: site.runtimeState(node)).compactMap { directory in
        guard let manifest = directory.manifest(), let sandbox = directory.sandbox() else { return nil }
        let containers = manifest.object["spec", "containers"].elements.compactMap { $0["name"].string }
        return LabPod(
          key: ObjectKey(manifest.namespace, manifest.name), node: node, directory: directory, sandbox: sandbox,
          containers: containers)
      }
    }
  }

  /// The pod of this name.
  package static func find(_ site: LabSite, _ key: ObjectKey) throws -> LabPod {
    let pods = all(site)
    if let pod = pods.first(where: { $0.key == key }) { return pod }
    let others = pods.filter { $0.key.name == key.name || $0.key.namespace == key.namespace }.map(\.key.description)
    throw LabError(
      "no node runs a pod \(key)",
      remedy: others.isEmpty
        ? "see `swiftlet lab status` for the pods there are"
        : "name one with its namespace (-n); there are \(others.sorted().joined(separator: ", "))")
  }

  /// The container asked for, or the first.
  package func container(_ name: String?) throws(LabError) -> String {
    let chosen = name ?? containers.first ?? ""
    guard containers.contains(chosen) else {
      throw LabError(
        "pod \(key) has no container \"\(chosen)\"", remedy: "name one of \(containers.joined(separator: ", "))")
    }
    return chosen
  }
}
