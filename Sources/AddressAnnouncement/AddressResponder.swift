package import Addressing
internal import CLinux
internal import Glibc
package import Linux
package import Netlink
internal import Synchronization

/// Answers on the node's links, by ARP and NDP, for addresses that the node announces, each until a moment: whoever may no
/// longer renew an address's Lease falls silent by himself.
///
/// The addresses are on no interface: packets to them are translated to endpoints before they are routed.
package final class AddressResponder: Sendable {
  private struct State {
    /// Until when, in `Time.bootSeconds`.
    var addresses: [IPAddress: Double] = [:]
    var isStopped = false
  }

  /// Seconds after an address came at which it is told again: a single frame may be lost.
  private static let repetitions = [0.0, 0.3, 1.0, 2.5]
  /// Seconds between two looks at the links.
  private static let linkInterval = 5.0

  private let state = Mutex(State())
  private let wake: EventSignal
  private let namespace: NetworkNamespace?
  private let isServed: @Sendable (Link, [InterfaceAddress]) -> Bool
  private let log = Log("announcing")
  private let thread = Mutex<Thread?>(nil)

  /// - Parameters:
  ///   - namespace: where the links are; nil is the caller's own.
  ///   - isServed: whether to answer on a link, of which all addresses of the namespace are told.
  package init(namespace: NetworkNamespace? = nil, isServed: @escaping @Sendable (Link, [InterfaceAddress]) -> Bool)
    throws(SystemError)
  {
    self.namespace = namespace
    self.isServed = isServed
    wake = try EventSignal()
  }

  package func start() {
    thread.withLock { $0 = Thread("announcing") { [self] in run() } }
  }

  /// Falls silent and waits for that.
  package func stop() {
    state.withLock { $0.isStopped = true }
    wake.signal()
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
  }

  /// The addresses to answer for, and until when.
  package func set(_ addresses: [IPAddress: Double]) {
    let isChanged = state.withLock { state in
      defer { state.addresses = addresses }
      return Set(state.addresses.keys) != Set(addresses.keys)
    }
    if isChanged { wake.signal() }
  }

  /// What it answers for at this moment.
  package var addresses: Set<IPAddress> {
    let now = Time.bootSeconds
    return Set(state.withLock { $0.addresses }.filter { $0.value > now }.keys)
  }

  private func run() {
    var open: [AnnouncingLink] = []
    var known: Set<IPAddress> = []
    var due: [(moment: Double, address: IPAddress)] = []
    var nextLook = 0.0
    while !state.withLock({ $0.isStopped }) {
      if Time.bootSeconds >= nextLook {
        let before = Set(open.map(\.index))
        refresh(&open, known)
        nextLook = Time.bootSeconds + Self.linkInterval
        // A link that is new hears everything.
        if !Set(open.map(\.index)).isSubset(of: before) { due += known.map { (Time.bootSeconds, $0) } }
      }
      let wanted = addresses
      for address in wanted.subtracting(known) {
        for link in open { join(link, address) }
        due += Self.repetitions.map { (Time.bootSeconds + $0, address) }
      }
      for address in known.subtracting(wanted) { for link in open { link.leave(address) } }
      known = wanted
      let now = Time.bootSeconds
      for (_, address) in due.filter({ $0.moment <= now && known.contains($0.address) }) {
        for link in open { link.announce(address) }
      }
      due.removeAll { $0.moment <= now }
      let soonest = due.map(\.moment).min() ?? .infinity
      wait(open, seconds: min(soonest, nextLook) - now)
      for link in open { link.answer { [self] in addresses.contains($0) } }
    }
  }

  private func wait(_ open: [AnnouncingLink], seconds: Double) {
    var polled = (open.flatMap(\.descriptors) + [wake.raw]).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    poll(&polled, nfds_t(polled.count), CInt(max(0, (seconds * 1000).rounded(.up))))
    if polled.last?.revents != 0 {
      var count: UInt64 = 0
      eventfd_read(wake.raw, &count)
    }
  }

  private func join(_ link: AnnouncingLink, _ address: IPAddress) {
    do { try link.join(address) } catch {
      log.warning("link \(link.index): \(error); who asks for \(address) may not be heard")
    }
  }

  /// Opens sockets on links that came and closes those of links that went or changed their address.
  private func refresh(_ open: inout [AnnouncingLink], _ known: Set<IPAddress>) {
    do {
      let socket = try RouteSocket(namespace: namespace)
      let addresses = try socket.addresses()
      let wanted = try socket.links().filter { $0.isUp && $0.mac != nil && isServed($0, addresses) }
      open.removeAll { link in !wanted.contains { $0.index == link.index && $0.mac == link.mac } }
      for link in wanted where !open.contains(where: { $0.index == link.index }) {
        guard let mac = link.mac else { continue }
        let opened = try AnnouncingLink(index: link.index, mac: mac, namespace: namespace)
        for address in known { join(opened, address) }
        open.append(opened)
      }
    } catch {
      log.error("\(error); addresses of load balancers may not be announced on every link")
    }
  }
}
