/// Timers in the order of their deadlines: a binary heap, from which cancelled ones fall when they reach the top.
struct TimerQueue {
  private struct Entry {
    let deadline: Double
    let id: UInt64
  }
  private struct Action {
    let interval: Double?
    let handler: () -> Void
  }

  private var heap: [Entry] = []
  private var actions: [UInt64: Action] = [:]
  private var lastID: UInt64 = 0

  /// The nearest deadline, in monotonic seconds.
  var next: Double? {
    mutating get {
      while let first = heap.first, actions[first.id] == nil { removeFirst() }
      return heap.first?.deadline
    }
  }

  mutating func add(at deadline: Double, every interval: Double?, _ handler: @escaping () -> Void) -> UInt64 {
    lastID += 1
    actions[lastID] = Action(interval: interval, handler: handler)
    insert(Entry(deadline: deadline, id: lastID))
    return lastID
  }

  mutating func cancel(_ id: UInt64) { actions[id] = nil }

  /// Takes the next handler that is due; a repeating timer is set again before its handler runs, counted from now, so
  /// that a busy loop is not flooded with what it missed.
  mutating func takeDue(now: Double) -> (() -> Void)? {
    while let first = heap.first {
      guard let action = actions[first.id] else {
        removeFirst()
        continue
      }
      guard first.deadline <= now else { return nil }
      removeFirst()
      if let interval = action.interval {
        insert(Entry(deadline: now + interval, id: first.id))
      } else {
        actions[first.id] = nil
      }
      return action.handler
    }
    return nil
  }

  private mutating func insert(_ entry: Entry) {
    heap.append(entry)
    var index = heap.count - 1
    while index > 0, heap[index].deadline < heap[(index - 1) / 2].deadline {
      heap.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  private mutating func removeFirst() {
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var index = 0
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
        if heap[child].deadline < heap[least].deadline { least = child }
      }
      if least == index { return }
      heap.swapAt(index, least)
      index = least
    }
  }
}
