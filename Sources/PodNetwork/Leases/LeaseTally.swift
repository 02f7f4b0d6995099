/// Who holds how many leases, the biggest first.
package struct LeaseTally: Hashable, Sendable, CustomStringConvertible {
  package struct Entry: Hashable, Sendable {
    package let count: Int
    /// `namespace default`, `pod default/web`, `container 0a1b…`.
    package let name: String
  }

  /// Namespaces, of pods whose name the runtime told.
  package let namespaces: [Entry]
  /// Pods and containers that hold more than one: each should have one of a range set.
  package let repeated: [Entry]
  /// Leases of containers whose pod is not known.
  package let unnamed: Int
  /// Files of nobody: empty ones and those that no plugin wrote.
  package let unowned: Int

  package init(_ files: [LeaseFile], records: [LeaseRecord]) {
    var pods: [LeaseFile.Attachment: String] = [:]
    for record in records { pods[record.attachment] = record.pod }
    var byNamespace: [String: Int] = [:]
    var byHolder: [String: Int] = [:]
    var unnamed = 0
    var unowned = 0
    for file in files {
      guard let holder = file.holder else {
        unowned += 1
        continue
      }
      if let pod = pods[holder] {
        byNamespace["namespace \(pod.prefix { $0 != "/" })", default: 0] += 1
        byHolder["pod \(pod)", default: 0] += 1
      } else {
        unnamed += 1
        byHolder["container \(holder.containerID)", default: 0] += 1
      }
    }
    namespaces = Self.sorted(byNamespace)
    repeated = Self.sorted(byHolder.filter { $0.value > 1 })
    self.unnamed = unnamed
    self.unowned = unowned
  }

  private static func sorted(_ counts: [String: Int]) -> [Entry] {
    counts.map { Entry(count: $0.value, name: $0.key) }.sorted { ($1.count, $0.name) < ($0.count, $1.name) }
  }

  private static let shown = 5

  /// One line: the biggest holders and what is left.
  package var description: String {
    func list(_ entries: [Entry]) -> [String] {
      entries.prefix(Self.shown).map { "\($0.name): \($0.count)" }
        + (entries.count > Self.shown
          ? ["\(entries.count - Self.shown) more: \(entries.dropFirst(Self.shown).reduce(0) { $0 + $1.count })"] : [])
    }
    var parts: [String] = []
    let first = list(namespaces) + (unnamed > 0 ? ["containers without a pod's name: \(unnamed)"] : [])
    if !first.isEmpty { parts.append("held by " + first.joined(separator: ", ")) }
    if !repeated.isEmpty { parts.append("more than one each: " + list(repeated).joined(separator: ", ")) }
    if unowned > 0 { parts.append("files without an owner: \(unowned)") }
    return parts.joined(separator: "; ")
  }
}
