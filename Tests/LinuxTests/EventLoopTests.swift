import Glibc
import Synchronization
import Testing

@testable import Linux

@Suite struct EventLoopTests {
  @Test func timersFireInOrderAndCanBeCancelled() throws {
    let loop = try EventLoop()
    var fired: [String] = []
    loop.schedule(after: 0.04) { fired.append("c") }
    loop.schedule(after: 0.02) { fired.append("b") }
    loop.schedule(after: 0) { fired.append("a") }
    let never = loop.schedule(after: 0.01) { fired.append("never") }
    loop.cancel(never)
    var ticks = 0
    var repeating: EventLoop.Timer?
    repeating = loop.schedule(after: 0, every: 0.001) {
      ticks += 1
      if ticks == 3, let repeating { loop.cancel(repeating) }
    }
    loop.schedule(after: 0.06) { loop.stop() }
    try loop.run()
    #expect(fired == ["a", "b", "c"])
    #expect(ticks == 3)
  }

  @Test func workFromOtherThreadsRunsOnTheLoop() throws {
    let loop = try EventLoop()
    let sum = Mutex(0)
    let threads = (1...4).map { number in
      Linux.Thread("worker \(number)") {
        for _ in 0..<100 { loop.perform { sum.withLock { $0 += number } } }
      }
    }
    let stopper = Linux.Thread("stopper") {
      for thread in threads { thread.join() }
      loop.stop()
    }
    try loop.run()
    stopper.join()
    #expect(sum.withLock { $0 } == 1000)
  }

  @Test func descriptors() throws {
    var ends: [CInt] = [0, 0]
    #expect(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
    let left = FileDescriptor(owning: ends[0])
    let right = FileDescriptor(owning: ends[1])
    let leftRaw = left.raw
    let loop = try EventLoop()
    var received: [UInt8] = []
    try loop.add(left.raw, .readable) { _ in
      var byte: UInt8 = 0
      _ = read(leftRaw, &byte, 1)
      received.append(byte)
      if received.count == 3 {
        loop.remove(leftRaw)
        loop.schedule(after: 0.01) { loop.stop() }
      }
    }
    var rightEvents: EventLoop.Events = []
    let rightRaw = right.raw
    try loop.add(right.raw, .writable) { events in
      rightEvents = events
      loop.remove(rightRaw)
    }
    try right.writeAll([1, 2, 3, 4])
    try loop.run()
    #expect(received == [1, 2, 3])
    #expect(rightEvents.contains(.writable))
    #expect(throws: SystemError.self) { try loop.change(leftRaw, .writable) }
  }

  @Test func signals() throws {
    let loop = try EventLoop()
    let descriptor = Mutex<[CInt]>([])
    let thread = Linux.Thread("signals") {
      Signals.block([SIGUSR1])
      try? loop.handle(signals: [SIGUSR1]) { signal in
        descriptor.withLock { $0.append(signal) }
        loop.stop()
      }
      pthread_kill(pthread_self(), SIGUSR1)
      try? loop.run()
    }
    thread.join()
    #expect(descriptor.withLock { $0 } == [SIGUSR1])
  }

  @Test func manyTimersComeInOrder() {
    var queue = TimerQueue()
    var order: [Int] = []
    for number in (0..<500).shuffled() { _ = queue.add(at: Double(number), every: nil) { order.append(number) } }
    while let handler = queue.takeDue(now: 399) { handler() }
    #expect(order == Array(0..<400))
    #expect(queue.next == 400)
  }
}
