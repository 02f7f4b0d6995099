internal import CLinux
internal import Glibc

/// A thread of our own, for loops that block; the concurrency pool is only as wide as the machine has cores.
package final class Thread: @unchecked Sendable {
  // @unchecked: `handle` is written before any other thread can see the object.
  private var handle = pthread_t()

  private final class Start {
    let name: String
    let body: @Sendable () -> Void
    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  /// Bytes of stack, of which only pages that were touched take memory: as much as recursion over the deepest JSON needs
  /// in unoptimized code, many times over.
  package static let usualStackSize = 8 << 20

  /// Starts a thread; the kernel shows the first 15 bytes of its name.
  package init(_ name: String, stackSize: Int = Thread.usualStackSize, _ body: @escaping @Sendable () -> Void) {
    let start = Unmanaged.passRetained(Start(name: name, body: body)).toOpaque()
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, stackSize)
    let failure = pthread_create(&handle, &attributes, runThread, start)
    pthread_attr_destroy(&attributes)
    precondition(failure == 0, "cannot start thread \(name): \(String(cString: strerror(failure)))")
  }

  /// Starts a thread that nobody waits for: what it holds is freed when it ends. False if there can be no further one.
  @discardableResult
  package static func detached(
    _ name: String, stackSize: Int = Thread.usualStackSize, _ body: @escaping @Sendable () -> Void
  ) -> Bool {
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, stackSize)
    pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
    var handle = pthread_t()
    let failure = pthread_create(&handle, &attributes, runThread, start.toOpaque())
    pthread_attr_destroy(&attributes)
    if failure != 0 { start.release() }
    return failure == 0
  }

  /// Waits for the thread to end. Call it once at most.
  package func join() { pthread_join(handle, nil) }

  fileprivate static func run(_ argument: UnsafeMutableRawPointer) {
    let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
    swiftlet_set_thread_name(start.name)
    start.body()
  }
}

/// A C callback: a closure written in isolated code would trap on a foreign thread.
private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let argument { Thread.run(argument) }
  return nil
}
