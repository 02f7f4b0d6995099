import Addressing
import Linux
import PodNetwork

/// `swiftlet ipam release`: takes back leases by hand, of one precise target.
struct IPAMRelease {
  let site: IPAMSite
  let force: Bool
  /// Nil is any.
  let interface: String?

  init(_ site: IPAMSite, force: Bool, interface: String?) {
    self.site = site
    self.force = force
    self.interface = interface
  }

  func release(_ target: String) throws {
    let address = IPAddress(target)
    var found: [(network: String, file: LeaseFile)] = []
    for network in site.networks {
      for file in try site.store(network).files() where matches(file, target, address) { found.append((network, file)) }
    }
    guard let first = found.first else {
      throw UsageError("\(target) has no lease in \(site.dataDirectory); swiftlet ipam show lists all")
    }
    let networks = Set(found.map(\.network))
    guard networks.count == 1 else {
      throw UsageError(
        "\(target) has leases in \(networks.sorted().joined(separator: " and ")); say which with --network")
    }
    let store = site.store(first.network)
    let live = try site.liveLinks()
    for (_, file) in found {
      guard let holder = file.holder else {
        try releaseUnowned(file, store)
        continue
      }
      if live.contains(holder), !force {
        throw UsageError(
          "\(file.name) belongs to container \(holder.containerID), whose link is there; delete its pod, or add --force"
        )
      }
      guard force || live.isNode(bridge: nil) else {
        throw UsageError(
          "no pod has a link in this network namespace, so it may not be the node's; if it is, add --force")
      }
      let released = try store.release(holder)
      if !released.isEmpty {
        print("released \(released.map(\.description).joined(separator: ", ")) of container \(holder.containerID)")
      }
    }
  }

  private func matches(_ file: LeaseFile, _ target: String, _ address: IPAddress?) -> Bool {
    if let address { return file.address == address }
    guard let holder = file.holder, holder.containerID == target else { return false }
    return interface == nil || holder.interfaceName == interface
  }

  private func releaseUnowned(_ file: LeaseFile, _ store: LeaseStore) throws {
    if case .foreign(let text) = file.content, !force {
      throw UsageError(
        "\(store.directory)/\(file.name) was not written by a plugin (it begins \"\(text)\"); look at it, then add --force"
      )
    }
    try store.remove(unowned: file)
    print("released \(file.name), which nobody held")
  }
}
