internal import CLinux
internal import Glibc
internal import Synchronization

/// An epoll loop on one thread: descriptors, timers, signals, and work handed over by other threads.
///
/// Everything but `perform` and `stop` belongs to the thread that runs the loop, or to whoever sets it up before `run`.
package final class EventLoop: @unchecked Sendable {
  // @unchecked: `shared` is behind its mutex, all else belongs to the loop's thread by contract.

  /// What a descriptor is watched for, and what happened to it.
  package struct Events: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    package static let readable = Events(rawValue: 0x001)
    package static let writable = Events(rawValue: 0x004)
    /// An error or the other side's end; always reported, never asked for.
    package static let error = Events(rawValue: 0x008)
    package static let hangup = Events(rawValue: 0x010)
    /// The other side will send no more (EPOLLRDHUP).
    package static let peerClosed = Events(rawValue: 0x2000)
  }

  /// Names a timer, to cancel it.
  package struct Timer: Hashable, Sendable {
    fileprivate let id: UInt64
  }

  private struct Watch {
    let generation: UInt32
    let handler: (Events) -> Void
  }

  private struct Shared {
    var work: [@Sendable () -> Void] = []
    var isStopped = false
  }

  private let epoll: FileDescriptor
  private let wake: FileDescriptor
  /// A timerfd, armed for the nearest deadline: to the nanosecond, where epoll's own timeout knows milliseconds.
  private let clock: FileDescriptor
  private var armed: Double?
  private var watches: [CInt: Watch] = [:]
  private var generation: UInt32 = 0
  private var timers = TimerQueue()
  private let shared = Mutex(Shared())

  package init() throws(SystemError) {
    epoll = FileDescriptor(owning: try check("epoll_create") { epoll_create1(CInt(EPOLL_CLOEXEC)) })
    let flags = CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK)
    wake = FileDescriptor(owning: try check("eventfd") { eventfd(0, flags) })
    clock = FileDescriptor(
      owning: try check("timerfd") { timerfd_create(CLOCK_MONOTONIC, CInt(TFD_CLOEXEC) | CInt(TFD_NONBLOCK)) })
    for raw in [wake.raw, clock.raw] {
      try add(raw, .readable) { _ in
        var count: UInt64 = 0
        _ = read(raw, &count, 8)
      }
    }
  }

  /// Sets the clock to the nearest deadline, if that is another one than before.
  private func arm(_ deadline: Double?) {
    guard deadline != armed else { return }
    armed = deadline
    var setting = itimerspec()
    if let deadline {
      // All zero would disarm it; a deadline in the past fires at once.
      let whole = max(deadline, 0.000_001)
      setting.it_value.tv_sec = Int(whole)
      setting.it_value.tv_nsec = Int((whole - whole.rounded(.down)) * 1e9)
    }
    timerfd_settime(clock.raw, CInt(TFD_TIMER_ABSTIME), &setting, nil)
  }

  /// Calls `handler` on the loop whenever the descriptor is ready, as long as it is (level-triggered). The descriptor is
  /// borrowed: `remove` it before it is closed.
  package func add(_ raw: CInt, _ events: Events, _ handler: @escaping (Events) -> Void) throws(SystemError) {
    generation &+= 1
    try control(EPOLL_CTL_ADD, raw, events, generation)
    watches[raw] = Watch(generation: generation, handler: handler)
  }

  /// Changes what a descriptor is watched for.
  package func change(_ raw: CInt, _ events: Events) throws(SystemError) {
    guard let watch = watches[raw] else { throw SystemError("epoll: descriptor \(raw) was not added", code: ENOENT) }
    try control(EPOLL_CTL_MOD, raw, events, watch.generation)
  }

  /// Watches a descriptor no longer; events that wait already are dropped.
  package func remove(_ raw: CInt) {
    guard watches.removeValue(forKey: raw) != nil else { return }
    var event = epoll_event()
    epoll_ctl(epoll.raw, EPOLL_CTL_DEL, raw, &event)
  }

  private func control(_ operation: CInt, _ raw: CInt, _ events: Events, _ generation: UInt32) throws(SystemError) {
    var event = epoll_event()
    event.events = events.rawValue
    // The generation tells an event of a closed descriptor from one of its number's next owner.
    event.data.u64 = UInt64(generation) << 32 | UInt64(UInt32(bitPattern: raw))
    let loop = epoll.raw
    try check("epoll_ctl") { epoll_ctl(loop, operation, raw, &event) }
  }

  /// Calls `handler` on the loop after `seconds`, and again every `interval` seconds if there is one.
  @discardableResult
  package func schedule(
    after seconds: Double, every interval: Double? = nil, _ handler: @escaping () -> Void
  ) -> Timer {
    Timer(id: timers.add(at: Time.monotonicSeconds + seconds, every: interval, handler))
  }

  package func cancel(_ timer: Timer) { timers.cancel(timer.id) }

  /// Calls `handler` on the loop for each of these signals, which the program must have blocked in all threads
  /// (`Signals.block` first thing in `main`). The descriptor lives as long as the loop.
  package func handle(signals: [CInt], _ handler: @escaping (CInt) -> Void) throws(SystemError) {
    let source = SignalSource(try Signals.descriptor(signals))
    try add(source.descriptor.raw, .readable) { _ in
      for signal in Signals.read(source.descriptor) { handler(signal) }
    }
  }

  private final class SignalSource {
    let descriptor: FileDescriptor
    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
  }

  /// Hands work to the loop's thread. From any thread.
  package func perform(_ work: @escaping @Sendable () -> Void) {
    shared.withLock { $0.work.append(work) }
    signalWake()
  }

  /// Ends `run` after what is at work now. From any thread; before `run` it makes `run` return at once.
  package func stop() {
    shared.withLock { $0.isStopped = true }
    signalWake()
  }

  private func signalWake() {
    var one: UInt64 = 1
    _ = write(wake.raw, &one, 8)
  }

  /// Runs until `stop`.
  package func run() throws(SystemError) {
    var events = [epoll_event](repeating: epoll_event(), count: 256)
    while true {
      let (work, isStopped) = shared.withLock { shared in
        defer { shared.work = [] }
        return (shared.work, shared.isStopped)
      }
      for item in work { item() }
      // One at a time: a handler may itself add and cancel timers.
      let now = Time.monotonicSeconds
      while let handler = timers.takeDue(now: now) { handler() }
      if isStopped { return }
      arm(timers.next)
      let loop = epoll.raw
      let count = try check("epoll_wait") { epoll_wait(loop, &events, CInt(events.count), -1) }
      for event in events[..<Int(count)] {
        let raw = CInt(truncatingIfNeeded: event.data.u64)
        if raw == clock.raw { armed = nil }  // it fired and must be set again, also if that was a rounding too early
        // A handler before may have removed it.
        guard let watch = watches[raw], watch.generation == UInt32(event.data.u64 >> 32) else { continue }
        watch.handler(Events(rawValue: event.events))
      }
    }
  }
}
