package import Addressing

/// The leases of one network with everything that is known of them, for people and for checks. Reading changes nothing
/// and takes no lock.
package struct LeaseReport: Sendable {
  package typealias Attachment = NetworkConfiguration.Attachment

  /// What has become of a lease, as far as it can be told from here.
  package enum State: String, Sendable {
    /// Its link is there.
    case live
    /// It was given by this plugin, and its link is gone.
    case orphan
    /// It is older than this boot.
    case earlierBoot = "earlier-boot"
    /// Another plugin gave it, whose links we do not know.
    case unknown
    /// The file is empty: it holds the address for nobody.
    case empty
    /// No plugin wrote the file: it holds the address for nobody.
    case foreign
  }

  package struct Item: Sendable {
    package let state: State
    package let file: LeaseFile
    /// What this plugin noted; nil for leases of another.
    package let record: LeaseRecord?
  }

  package let network: String
  package let directory: String
  /// The network's ranges; nil if no configuration of it was found.
  package let sets: [LeaseRangeSet]?
  /// By address.
  package let items: [Item]
  /// Leases whose writer was killed; the next change takes them back.
  package let interrupted: LeaseRecord?
  /// Addresses that another network of the same folder leases too, with that network's name.
  package let elsewhere: [IPAddress: String]

  /// - Parameters:
  ///   - others: other networks whose leases live on the same node.
  ///   - live: the links of the node.
  package init(
    _ store: LeaseStore, network: String, sets: [LeaseRangeSet]?, live: LiveLinks, others: [String: LeaseStore] = [:]
  ) throws {
    self.network = network
    self.sets = sets
    directory = store.directory
    interrupted = try store.index.interrupted()
    let records = try store.records()
    let boot = store.boot
    let own = Set(records.filter { $0.boot == boot?.short }.map(\.attachment))
    var byAttachment: [Attachment: LeaseRecord] = [:]
    for record in records { byAttachment[record.attachment] = record }
    items = try store.files().map { file in
      let record = file.holder.flatMap { byAttachment[$0] }.flatMap { $0.addresses.contains(file.address) ? $0 : nil }
      return Item(state: Self.state(file, record, own, boot, store, live), file: file, record: record)
    }.sorted { $0.file.address < $1.file.address }
    var elsewhere: [IPAddress: String] = [:]
    for (name, other) in others {
      for file in try other.files() { elsewhere[file.address] = name }
    }
    self.elsewhere = elsewhere
  }

  private static func state(
    _ file: LeaseFile, _ record: LeaseRecord?, _ own: Set<Attachment>, _ boot: BootIdentity?, _ store: LeaseStore,
    _ live: LiveLinks
  ) -> State {
    guard let holder = file.holder else { return file.content == .empty ? .empty : .foreign }
    if live.contains(holder) { return .live }
    if let record, let boot { return record.boot == boot.short ? .orphan : .earlierBoot }
    if let boot, store.isOfEarlierBoot(file, boot, own: own) { return .earlierBoot }
    return .unknown
  }

  /// Use of one range set.
  package struct Usage: Sendable {
    package let taken: Int
    package let set: LeaseRangeSet
  }

  /// How full each range set is; empty if the ranges are not known.
  package var usage: [Usage] {
    (sets ?? []).map { set in Usage(taken: items.count { set.gives($0.file.address) }, set: set) }
  }

  package var tally: LeaseTally { LeaseTally(items.map(\.file), records: items.compactMap(\.record)) }
}
