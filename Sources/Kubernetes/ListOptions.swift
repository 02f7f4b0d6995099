/// What a list, watch or deletion of a collection selects.
package struct ListOptions: Hashable, Sendable {
  /// nil or empty: all namespaces.
  package var namespace: String?
  /// As kubectl takes it: `app=web,tier in (a,b),!canary`.
  package var labelSelector: String?
  /// As kubectl takes it: `spec.nodeName=node1`.
  package var fieldSelector: String?

  package init(namespace: String? = nil, labelSelector: String? = nil, fieldSelector: String? = nil) {
    self.namespace = namespace
    self.labelSelector = labelSelector
    self.fieldSelector = fieldSelector
  }

  /// The path and query of a collection, with more parameters.
  func target(_ type: ResourceType, _ parameters: [(String, String)] = []) -> String {
    var query = parameters
    if let labelSelector, !labelSelector.isEmpty { query.append(("labelSelector", labelSelector)) }
    if let fieldSelector, !fieldSelector.isEmpty { query.append(("fieldSelector", fieldSelector)) }
    let path = type.path(namespace: namespace)
    if query.isEmpty { return path }
    return path + "?" + query.map { "\($0.0)=\(percentEncoded($0.1))" }.joined(separator: "&")
  }
}
