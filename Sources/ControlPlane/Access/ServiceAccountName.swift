/// A service account and the user it is to the API: `system:serviceaccount:NAMESPACE:NAME`.
struct ServiceAccountName: Hashable {
  let namespace: String
  let name: String

  private static let prefix = "system:serviceaccount:"

  init(namespace: String, name: String) {
    self.namespace = namespace
    self.name = name
  }

  /// Nil if the user is no service account.
  init?(user: String) {
    guard user.hasPrefix(Self.prefix) else { return nil }
    let parts = user.dropFirst(Self.prefix.count).split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
    self.init(namespace: String(parts[0]), name: String(parts[1]))
  }

  var user: String { "\(Self.prefix)\(namespace):\(name)" }
  var groups: [String] { ["system:serviceaccounts", "system:serviceaccounts:\(namespace)"] }
}
