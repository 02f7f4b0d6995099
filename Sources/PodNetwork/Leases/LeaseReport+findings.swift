package import Addressing

extension LeaseReport {
  /// Something that is not as it should be.
  package struct Finding: Sendable {
    /// A word for programs: `orphan`, `duplicate`, …
    package let kind: String
    /// What was found, and what to do.
    package let text: String
    package let address: IPAddress?
  }

  /// Everything that is not as it should be, by address.
  package var findings: [Finding] {
    var found: [Finding] = []
    if let interrupted {
      found.append(
        Finding(
          kind: "interrupted",
          text:
            "an ADD of container \(interrupted.attachment.containerID) was killed while it wrote; the next ADD or DEL "
            + "takes back what it leased", address: interrupted.addresses.first))
    }
    for item in items { found += findings(of: item) }
    return found + duplicates()
  }

  private func findings(of item: Item) -> [Finding] {
    let file = item.file
    let address = file.address
    let who = file.holder.map { "container \($0.containerID)" + (item.record?.pod.map { " (pod \($0))" } ?? "") } ?? ""
    var found: [Finding] = []
    func add(_ kind: String, _ text: String) { found.append(Finding(kind: kind, text: text, address: address)) }
    let release = "swiftlet ipam release \(file.name) --network \(network)"
    switch item.state {
    case .live, .unknown: break
    case .orphan:
      add("orphan", "\(address) is leased to \(who), whose link is gone; the agent takes it back, or \(release)")
    case .earlierBoot:
      add(
        "earlier-boot",
        "\(address) is leased to \(who) since before this boot; the next ADD takes it back, or \(release)")
    case .empty:
      add("empty", "\(directory)/\(file.name) is empty: no plugin will ever release it; \(release)")
    case .foreign:
      add(
        "foreign",
        "\(directory)/\(file.name) was not written by a plugin, and blocks the address; to keep an address free, "
          + "use exclude in the configuration, and remove the file by hand")
    }
    if file.name != "\(address)" {
      add("spelling", "\(directory)/\(file.name) spells \(address) in another way: \(address) can be leased beside it")
    }
    if let sets {
      if let range = sets.lazy.flatMap(\.ranges).first(where: { $0.gateway == address }) {
        add("gateway", "\(address) is leased, and is the gateway of \(range.subnet); delete the pod")
      } else if !sets.contains(where: { $0.range(of: address) != nil }) {
        add("out-of-range", "\(address) is in none of the network's ranges; it goes when its pod goes")
      }
    }
    if let other = elsewhere[address] {
      add("duplicate", "\(address) is leased by network \(other) too; networks of one node must not share ranges")
    }
    if let record = item.record, address == record.addresses.first {
      let held = Set(items.filter { $0.file.holder == record.attachment }.map(\.file.address))
      for lost in record.addresses where !held.contains(lost) {
        found.append(
          Finding(
            kind: "lost", text: "\(who) was given \(lost) too, which it no longer holds; delete the pod", address: lost)
        )
      }
    }
    return found
  }

  /// Addresses with two files, and attachments with two addresses of one range set.
  private func duplicates() -> [Finding] {
    var found: [Finding] = []
    for (address, same) in Dictionary(grouping: items, by: \.file.address).sorted(by: { $0.key < $1.key })
    where same.count > 1 {
      let names = same.map(\.file.name).sorted().joined(separator: " and ")
      found.append(Finding(kind: "duplicate", text: "\(address) has two files, \(names)", address: address))
    }
    for set in sets ?? [] {
      let held = items.filter { $0.file.holder != nil && set.range(of: $0.file.address) != nil }
      for (holder, several) in Dictionary(grouping: held, by: { $0.file.holder! }) where several.count > 1 {
        let list = several.map { "\($0.file.address)" }.joined(separator: ", ")
        found.append(
          Finding(
            kind: "duplicate",
            text: "container \(holder.containerID) holds several addresses of one range set: \(list)",
            address: several[0].file.address))
      }
    }
    return found.sorted { $0.text < $1.text }
  }
}
