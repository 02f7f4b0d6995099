package import Addressing

/// What one or several updates change, whatever the back end: of each frontend, what it was and what it is. The order the
/// changes were made in does not matter.
package struct ServiceChanges {
  package struct Change {
    package var old: ServiceState.Frontend?
    package var new: ServiceState.Frontend?
  }

  /// Addresses that something came to use or uses no more.
  package struct Addresses {
    private var states: [IPAddress: (was: Bool, isPresent: Bool)] = [:]

    mutating func record(_ address: IPAddress, isPresent: Bool) {
      states[address] = (states[address]?.was ?? !isPresent, isPresent)
    }

    package var added: [IPAddress] { states.compactMap { !$0.value.was && $0.value.isPresent ? $0.key : nil } }
    package var removed: [IPAddress] { states.compactMap { $0.value.was && !$0.value.isPresent ? $0.key : nil } }
  }

  package private(set) var frontends: [FrontendKey: Change] = [:]
  /// Cluster addresses of Services.
  package var addresses = Addresses()
  /// This node's pods that are targets.
  package var hairpins = Addresses()

  /// UDP frontends that lost a target: their flows are looked at after the commit.
  package private(set) var released: Set<FrontendKey> = []
  /// Frontends with session affinity that lost a target: clients that had it are forgotten after the commit.
  package private(set) var forgotten: Set<FrontendKey> = []
  /// NodePorts over UDP that are new: flows to them that were delivered to the node itself end.
  package private(set) var opened: Set<FrontendKey> = []

  /// Nobody asks what changes where everything is compared anyhow.
  private let isRecording: Bool

  package init() { self.init(isRecording: true) }

  init(isRecording: Bool) { self.isRecording = isRecording }

  package var isEmpty: Bool {
    frontends.isEmpty && addresses.added.isEmpty && addresses.removed.isEmpty && hairpins.added.isEmpty
      && hairpins.removed.isEmpty
  }

  mutating func record(_ key: FrontendKey, old: ServiceState.Frontend?, new: ServiceState.Frontend?) {
    if !isRecording { return }
    if frontends[key] == nil { frontends[key] = Change(old: old, new: new) } else { frontends[key]?.new = new }
    if key.transport == .udp {
      if old == nil, key.isNodePort { opened.insert(key) }
      if let old, (old.targets + old.draining).contains(where: { new?.keeps($0) != true }) { released.insert(key) }
    }
    if let old, old.affinityTimeout != nil {
      let kept = new?.affinityTimeout == nil ? [] : Set(new?.targets ?? [])
      if old.targets.contains(where: { !kept.contains($0) }) { forgotten.insert(key) }
    }
  }
}
