internal import Netlink

/// Changes to elements, gathered so that the order they were found in does not matter: of each key, what the kernel holds
/// and what it shall hold.
struct ElementChanges {
  private struct Change {
    var old: NFElement?
    var new: NFElement?
  }
  private var sets: [ServicesLayout.SetID: [[UInt8]: Change]] = [:]

  /// Off where everything is read and compared afterwards anyway.
  var isRecording = true

  /// UDP frontends that lost a target: their flows are looked at after the commit.
  var released: Set<FrontendKey> = []
  /// Frontends with session affinity that lost a target: clients that had it are forgotten after the commit.
  var forgotten: Set<FrontendKey> = []
  /// NodePorts over UDP that are new: flows to them that were delivered to the node itself end.
  var opened: Set<FrontendKey> = []

  mutating func record(_ set: ServicesLayout.SetID, old: NFElement?, new: NFElement?) {
    guard isRecording, let element = old ?? new else { return }
    // Where one range ends the next may begin: in an interval set these are two elements.
    let key = element.isIntervalEnd ? element.key + [1] : element.key
    if sets[set]?[key] != nil {
      sets[set]?[key]?.new = new
    } else {
      sets[set, default: [:]][key] = Change(old: old, new: new)
    }
  }

  /// What goes from a set and what comes to it; an element that changes is in both.
  func differences(of set: ServicesLayout.SetID) -> (old: [NFElement], new: [NFElement]) {
    let changed = (sets[set] ?? [:]).values.filter { $0.old != $0.new }
    return (changed.compactMap(\.old), changed.compactMap(\.new))
  }

  /// Adds the differences to a batch: first everything that goes, then everything that comes. Returns the number of
  /// elements that go or come.
  @discardableResult
  func write(to batch: inout NFTablesBatch) -> Int {
    let changed = ServicesLayout.SetID.all.map { (name: $0.name, elements: differences(of: $0)) }
    for (name, elements) in changed { batch.delete(elements.old, from: name, of: ServicesLayout.table) }
    for (name, elements) in changed { batch.add(elements.new, to: name, of: ServicesLayout.table) }
    return changed.reduce(0) { $0 + $1.elements.old.count + $1.elements.new.count }
  }
}
