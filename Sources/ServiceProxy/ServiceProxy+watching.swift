internal import CLinux
internal import Glibc
package import Linux
internal import Netlink

/// What the watcher saw or could not do.
package enum ServiceProxyEvent: Sendable, CustomStringConvertible {
  /// Someone else changed our tables; they were compared and repaired.
  case repaired(by: String)
  /// The repair failed; it is tried again with the next change.
  case failed(String)

  package var description: String {
    switch self {
    case .repaired(let other): "tables of swiftlet were changed by \(other): compared and repaired"
    case .failed(let reason): "tables of swiftlet could not be repaired: \(reason)"
    }
  }
}

/// Watches for changes of our tables by others, and repairs them at once. Ends with `stop` or its last reference.
package final class ServiceProxyWatcher: Sendable {
  private let wake: FileDescriptor
  private let thread: Thread

  fileprivate init(
    _ proxy: ServiceProxy, _ events: NFTablesEvents, _ report: @escaping @Sendable (ServiceProxyEvent) -> Void
  ) throws(SystemError) {
    wake = FileDescriptor(owning: try check("eventfd") { eventfd(0, CInt(EFD_CLOEXEC)) })
    let wakeDescriptor = try wake.duplicate()
    let raw = wakeDescriptor.release()
    thread = Thread("nft-watch") { [weak proxy] in
      let wake = FileDescriptor(owning: raw)
      while Self.wait(events.descriptor, wake.raw) {
        guard let cause = Self.foreignChange(events) else { continue }
        guard let proxy else { return }
        do {
          try proxy.repair()
          report(.repaired(by: cause))
        } catch {
          report(.failed("\(error)"))
        }
      }
    }
  }

  /// Ends the thread and waits for it. Call it once.
  package func stop() {
    try? wake.writeAll(withUnsafeBytes(of: UInt64(1)) { Array($0) })
    thread.join()
  }

  /// Waits until there is an announcement; false when it is time to end.
  private static func wait(_ events: CInt, _ wake: CInt) -> Bool {
    var descriptors = [
      pollfd(fd: events, events: Int16(POLLIN), revents: 0), pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
    ]
    while poll(&descriptors, 2, -1) < 0 && errno == EINTR {}
    return descriptors[1].revents == 0
  }

  /// Reads all announcements there are; who changed a table of ours, or nil if no one did.
  private static func foreignChange(_ events: NFTablesEvents) -> String? {
    var isOurs = false
    var cause = "another process"
    while let more = try? events.receive(wait: false), !more.isEmpty {
      for event in more {
        switch event {
        case .changed(let family, let table):
          if family == .inet && [ServicesLayout.table.name, PodMasquerade.table.name].contains(table) { isOurs = true }
        case .committed(_, let processID, let name): if isOurs { cause = "\(name) (process \(processID))" }
        case .lost: isOurs = true
        }
      }
    }
    return isOurs ? cause : nil
  }
}

extension ServiceProxy {
  /// Starts a thread that notices and repairs what others do to our tables, from now on. `report` is called on it.
  package func startWatching(
    report: @escaping @Sendable (ServiceProxyEvent) -> Void
  ) throws(SystemError) -> ServiceProxyWatcher {
    try ServiceProxyWatcher(self, NFTablesEvents(namespace: namespace, ignoring: [port]), report)
  }
}
