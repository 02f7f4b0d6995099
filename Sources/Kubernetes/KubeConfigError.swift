/// Why a kubeconfig cannot be used: file, field, what was found, and what to do.
package struct KubeConfigError: Error, Hashable, Sendable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
