package import JSON
package import Netlink

/// One way of carrying pods between nodes, as a reconciler: it makes the kernel, or a daemon, hold exactly what its peers
/// need. `NodeRouter` decides which backend carries which peer. Used by one thread, except where a member says otherwise.
///
/// Order of calls: `prepare`, then `synchronize`, then any number of `apply`; `prepare` and `synchronize` again after a
/// failure, when this node itself changed, and to repair drift.
package protocol RoutingBackend: AnyObject {
  /// The modes of peers that it carries; of no two backends the same.
  var modes: Set<RoutingMode> { get }

  /// Makes this node able to receive: links, keys, a daemon's configuration. `own` is this node with its real addresses;
  /// `own.mode` tells whether this backend is the node's own way or only there for peers of another. Reads what is there
  /// and repairs differences only. Returns how many objects were changed.
  func prepare(_ own: RoutePeer) throws -> Int

  /// Annotations for the node's own object that its peers must know. Valid after `prepare`.
  var announcement: [String: String] { get }

  /// The largest packet that this node's pods may send this way, in bytes, over both families and all peers. Valid after
  /// `prepare`.
  func podMTU() throws -> Int

  /// Makes what is there exactly what these peers need, whatever an earlier agent or anybody else left. Objects for the
  /// peers in `keeping` stay if they are there and are not made: another backend is about to carry them, but does not
  /// yet. Returns how many objects were changed.
  func synchronize(_ peers: [RoutePeer], keeping: [RoutePeer]) throws -> Int

  /// Takes changes of single peers; costs the size of the changes. Returns how many objects were changed.
  func apply(_ changes: [RoutePeerChange]) throws -> Int

  /// Whether packets to this peer's pods go this way by now. Until they do, the way they went before is kept.
  func carries(_ peer: RoutePeer) -> Bool

  /// Whether a change in the kernel is one of our objects being changed by someone else. Called from any thread.
  func concerns(_ event: RouteEvent) -> Bool

  /// Takes away what this or an earlier agent made: the node is of another mode and no peer needs this backend.
  /// Returns how many objects were changed.
  func remove() throws -> Int

  /// What is wrong with single peers, of the last pass.
  var problems: [RoutingProblem] { get }

  /// For `swiftlet status`: an object. Called from any thread.
  var status: JSON { get }
}

extension RoutingBackend {
  package func carries(_ peer: RoutePeer) -> Bool { true }
  package func concerns(_ event: RouteEvent) -> Bool { false }
  package var problems: [RoutingProblem] { [] }
}
