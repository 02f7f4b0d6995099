internal import Glibc
internal import Synchronization

/// Values by the bytes of a name, for many readers and one writer at a time. A reader takes one immutable link out of a
/// shard and lets the lock go, so that no reader waits for more than one key's replacement; finding allocates nothing.
final class NameTable<Value: Sendable>: Sendable {
  private final class Link: Sendable {
    let key: [UInt8]
    let value: Value
    /// Another name with the same hash; almost always nil.
    let next: Link?

    init(_ key: [UInt8], _ value: Value, next: Link?) {
      self.key = key
      self.value = value
      self.next = next
    }
  }

  private final class Shard: Sendable {
    let links = Mutex<[Int: Link]>([:])
  }

  private let shards: [Shard]

  /// `shards` is a power of two: how many readers and the writer rarely meet.
  init(shards: Int) { self.shards = (0..<shards).map { _ in Shard() } }

  /// Keyed by a seed of this process, so that nobody can choose names that collide.
  private static func hash(_ key: UnsafeBufferPointer<UInt8>) -> Int {
    var hasher = Hasher()
    hasher.combine(bytes: UnsafeRawBufferPointer(key))
    return hasher.finalize()
  }

  func find(_ key: UnsafeBufferPointer<UInt8>) -> Value? {
    let hash = Self.hash(key)
    var link = shards[hash & (shards.count - 1)].links.withLock { $0[hash] }
    while let found = link {
      let isSame = found.key.withUnsafeBufferPointer {
        $0.count == key.count && (key.isEmpty || memcmp($0.baseAddress!, key.baseAddress!, key.count) == 0)
      }
      if isSame { return found.value }
      link = found.next
    }
    return nil
  }

  /// Replaces a name's value; nil removes it. Returns the value it had.
  @discardableResult
  func set(_ key: [UInt8], _ value: Value?) -> Value? {
    let hash = key.withUnsafeBufferPointer { Self.hash($0) }
    return shards[hash & (shards.count - 1)].links.withLock { links in
      var old: Value?
      var head: Link?
      var link = links[hash]
      while let here = link {
        if here.key == key { old = here.value } else { head = Link(here.key, here.value, next: head) }
        link = here.next
      }
      if let value { head = Link(key, value, next: head) }
      links[hash] = head
      return old
    }
  }

  /// All values, in no order; each shard as it is at one moment.
  var values: [Value] {
    shards.flatMap { shard in
      let heads = shard.links.withLock { Array($0.values) }
      return heads.flatMap { head in sequence(first: head) { $0.next }.map(\.value) }
    }
  }
}
