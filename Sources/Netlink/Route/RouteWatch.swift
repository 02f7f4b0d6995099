package import Linux

/// A thread that hears of changes of links, addresses, routes and neighbours, and tells when one matters.
package final class RouteWatch: Sendable {
  private let wake: EventSignal
  private let thread: Thread

  /// `concerns` judges single events, `onChange` is called after a datagram with one that matters; both on the watch's
  /// thread.
  package init(
    _ topics: [RouteEventSocket.Topic], namespace: NetworkNamespace? = nil,
    concerns: @escaping @Sendable (RouteEvent) -> Bool, onChange: @escaping @Sendable () -> Void
  ) throws(SystemError) {
    // Used by the thread alone, once it has begun.
    nonisolated(unsafe) let events = try RouteEventSocket(topics, namespace: namespace)
    let wake = try EventSignal()
    self.wake = wake
    thread = Thread("route-watch") {
      while wake.wait(or: events.raw) {
        var matters = false
        while let more = try? events.receive(wait: false), !more.isEmpty {
          matters = matters || more.contains(where: concerns)
        }
        if matters { onChange() }
      }
    }
  }

  /// Ends the thread and waits for it. Call it once.
  package func stop() {
    wake.signal()
    thread.join()
  }
}
