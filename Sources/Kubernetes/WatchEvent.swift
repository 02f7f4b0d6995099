package import JSON

/// One line of a watch (meta/v1 WatchEvent).
package struct WatchEvent: Hashable, Sendable {
  package enum Kind: String, Sendable {
    case added = "ADDED"
    case modified = "MODIFIED"
    /// The object as it was last; its resourceVersion is the deletion's.
    case deleted = "DELETED"
    /// Only `metadata.resourceVersion` counts.
    case bookmark = "BOOKMARK"
    /// The object is a Status.
    case error = "ERROR"
  }

  package var kind: Kind
  package var object: JSON

  package init(kind: Kind, object: JSON) {
    self.kind = kind
    self.object = object
  }
}
