package import Linux

/// A thread that hears of every commit to nf_tables and tells when someone else touched one of our tables.
package final class NFTablesWatch: Sendable {
  private let wake: EventSignal
  private let thread: Thread

  /// `ports` are the port ids of our own sockets, whose commits are no news. `onChange` is called on the watch's thread
  /// with who did it: `nft (process 7)`.
  package init(
    _ tables: [NFTable], namespace: NetworkNamespace? = nil, ignoring ports: [UInt32],
    onChange: @escaping @Sendable (_ cause: String) -> Void
  ) throws(SystemError) {
    let events = try NFTablesEvents(namespace: namespace, ignoring: ports)
    let wake = try EventSignal()
    self.wake = wake
    thread = Thread("nft-watch") {
      while wake.wait(or: events.descriptor) {
        if let cause = Self.foreignChange(of: tables, events) { onChange(cause) }
      }
    }
  }

  /// Ends the thread and waits for it. Call it once.
  package func stop() {
    wake.signal()
    thread.join()
  }

  /// Reads all announcements there are; who changed one of the tables, or nil if no one did.
  private static func foreignChange(of tables: [NFTable], _ events: NFTablesEvents) -> String? {
    var isOurs = false
    var cause = "another process"
    while let more = try? events.receive(wait: false), !more.isEmpty {
      for event in more {
        switch event {
        case .changed(let family, let name):
          if tables.contains(where: { $0.family == family && $0.name == name }) { isOurs = true }
        case .committed(_, let processID, let name): if isOurs { cause = "\(name) (process \(processID))" }
        case .lost: isOurs = true
        }
      }
    }
    return isOurs ? cause : nil
  }
}
