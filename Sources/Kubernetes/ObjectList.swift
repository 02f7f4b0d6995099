/// The items of a list and the resource version they were read at.
package struct ObjectList: Sendable {
  package var items: [KubernetesObject]
  package var resourceVersion: String
}
