package import Netlink

/// Which attachments have their link now: the node's ends of pods' links, by alias, or by name where an ADD died before
/// the alias was written. A pod's namespace takes its link along when it goes.
package struct LiveLinks: Sendable {
  package typealias Attachment = NetworkConfiguration.Attachment

  private let names: Set<String>
  private let attachments: Set<Attachment>

  package init(names: [String] = [], aliases: [String] = []) {
    self.names = Set(names)
    attachments = Set(aliases.compactMap(PodLink.attachment))
  }

  /// The links of a socket's namespace, which must be the node's.
  package init(_ routes: RouteSocket) throws {
    let links = try routes.links()
    self.init(names: links.map(\.name), aliases: links.compactMap(\.alias))
  }

  package func contains(_ attachment: Attachment) -> Bool {
    attachments.contains(attachment)
      || (0...PodLink.attempts).contains { names.contains(PodLink.hostName(attachment, attempt: $0)) }
  }

  /// Whether this can be the node's namespace: there is the link of a pod, or the bridge. Anywhere else all pods would
  /// seem to be gone.
  package func isNode(bridge: String?) -> Bool { !attachments.isEmpty || (bridge.map(names.contains) ?? false) }
}
