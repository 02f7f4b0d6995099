import Addressing
import Testing

@testable import ControlPlane

@Suite struct PodRangeAllocatorTests {
  @Test func handsOutEveryRangeOnce() throws {
    var allocator = PodRangeAllocator(clusterRange: try Prefix(parsing: "10.244.0.0/16"), length: 24)
    allocator.occupy(try Prefix(parsing: "10.244.3.0/25"))
    allocator.occupy(try Prefix(parsing: "10.244.8.0/22"))
    allocator.occupy(try Prefix(parsing: "10.96.0.0/16"))
    var given: [Prefix] = []
    while let range = allocator.allocate() { given.append(range) }
    #expect(given.count == 256 - 5)
    #expect(Set(given).count == given.count)
    #expect(given.first?.description == "10.244.0.0/24")
    #expect(!given.contains(try Prefix(parsing: "10.244.3.0/24")))
    #expect(!given.contains(try Prefix(parsing: "10.244.11.0/24")))
    #expect(given.contains(try Prefix(parsing: "10.244.255.0/24")))
  }

  @Test func whatWasGivenBackComesLast() throws {
    var allocator = PodRangeAllocator(clusterRange: try Prefix(parsing: "10.0.0.0/22"), length: 24)
    let first = allocator.allocate()
    allocator.release(try #require(first))
    #expect(
      (0..<4).map { _ in allocator.allocate()?.description } == [
        "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24", "10.0.0.0/24",
      ])
    #expect(allocator.allocate() == nil)
  }

  @Test func aRangeAroundTheClusterRangeTakesAll() throws {
    var allocator = PodRangeAllocator(clusterRange: try Prefix(parsing: "10.0.0.0/22"), length: 24)
    allocator.occupy(try Prefix(parsing: "10.0.0.0/8"))
    #expect(allocator.isFull)
  }

  @Test func ipv6() throws {
    var allocator = PodRangeAllocator(clusterRange: try Prefix(parsing: "fd00::/48"), length: 64)
    allocator.occupy(try Prefix(parsing: "fd00::/64"))
    #expect(allocator.allocate()?.description == "fd00:0:0:1::/64")
    #expect(allocator.capacity == 65536)
  }
}
