package import Kubernetes

/// One object of the manifests, and where it was written.
package struct Manifest: Hashable, Sendable {
  package let object: KubernetesObject
  /// The file as it was named, `standard input` for `-`.
  package let file: String
  /// The line its document begins on, counted from 1.
  package let line: Int

  package init(object: KubernetesObject, file: String, line: Int) {
    self.object = object
    self.file = file
    self.line = line
  }

  /// `FILE:LINE`, as compilers write it.
  package var place: String { "\(file):\(line)" }

  /// 0 for what others need to exist (namespaces, then definitions and classes), 2 for all else.
  private var rank: Int {
    switch object.kind {
    case "Namespace": 0
    case "CustomResourceDefinition", "IngressClass", "PriorityClass", "StorageClass": 1
    default: 2
    }
  }

  /// What others need first, the rest in the order it was written.
  package static func inOrder(_ manifests: [Manifest]) -> [Manifest] {
    (0...2).flatMap { rank in manifests.filter { $0.rank == rank } }
  }
}
