import Addressing
import Testing

@Suite("Pools and ranges")
struct AddressPoolTests {
  /// Any sequence of takes and releases agrees with a set.
  @Test(arguments: [1, 2, 3, 4, 5])
  func aPoolIsASet(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var pool = try #require(AddressPool(try Prefix(parsing: "10.0.0.0/24")))
    var model: Set<Int> = []
    for _ in 0..<3000 {
      let index = Int(random.next() % 256)
      switch random.next() % 3 {
      case 0: #expect(pool.take(index) == model.insert(index).inserted)
      case 1: #expect(pool.release(index) == (model.remove(index) != nil))
      default:
        if let next = pool.takeNext() { #expect(model.insert(next).inserted) } else { #expect(model.count == 256) }
      }
      #expect(pool.count == model.count)
      #expect(pool.isTaken(index) == model.contains(index))
    }
    #expect(pool.firstFree(in: 0..<256) == (0..<256).first { !model.contains($0) })
  }

  @Test func nextFitGoesAroundAndFillsThePool() throws {
    var pool = try #require(AddressPool(try Prefix(parsing: "10.244.0.0/16"), itemLength: 24))
    #expect(pool.capacity == 256)
    pool.reserve(try Prefix(parsing: "10.244.0.0/23"))
    let given = (0..<254).compactMap { _ in pool.takeNext() }
    #expect(given == Array(2..<256))
    #expect(pool.takeNext() == nil && pool.isFull)
    pool.release(7)
    #expect(pool.takeNext() == 7)
    #expect("\(pool.item(at: 7))" == "10.244.7.0/24")
    #expect(pool.index(of: IPAddress("10.244.7.200")!) == 7)
    #expect(pool.index(of: IPAddress("10.245.0.1")!) == nil)
  }

  @Test func hugePrefixesUseTheirBeginning() throws {
    var pool = try #require(AddressPool(try Prefix(parsing: "2001:db8::/64")))
    #expect(pool.capacity == AddressPool.largestCapacity)
    pool.take(0)
    #expect(pool.takeNext().map { "\(pool.item(at: $0))" } == "2001:db8::1/128")
    #expect(pool.index(of: IPAddress("2001:db8::1:0:0:0")!) == nil)
    #expect(AddressPool(try Prefix(parsing: "10.0.0.0/24"), itemLength: 16) == nil)
  }

  @Test(arguments: [
    ("10.0.0.1-10.0.0.6", ["10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/31", "10.0.0.6/32"]),
    ("10.0.0.0-10.0.0.255", ["10.0.0.0/24"]), ("0.0.0.0-255.255.255.255", ["0.0.0.0/0"]),
    ("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ["::/0"]), ("10.0.0.7", ["10.0.0.7/32"]),
    ("255.255.255.254-255.255.255.255", ["255.255.255.254/31"]),
    ("2001:db8::f-2001:db8::10", ["2001:db8::f/128", "2001:db8::10/128"]),
  ])
  func rangesAsPrefixes(_ text: String, _ prefixes: [String]) throws {
    let range = try AddressRange(parsing: text)
    #expect(range.prefixes.map { "\($0)" } == prefixes)
    #expect("\(range)" == text)
  }

  @Test(arguments: ["10.0.0.2-10.0.0.1", "10.0.0.1-", "10.0.0.1-::1", "-10.0.0.1", "10.0.0.1-x", ""])
  func brokenRanges(_ text: String) {
    #expect(throws: AddressError.self) { try AddressRange(parsing: text) }
  }

  /// The prefixes of a random range hold its addresses and no others.
  @Test func prefixesCoverARangeExactly() throws {
    var random = SplitMix(state: 42)
    for _ in 0..<200 {
      let first = UInt128(random.next() % 5000)
      let last = first + UInt128(random.next() % 300)
      let range = try #require(AddressRange(IPAddress(.v4, number: first), IPAddress(.v4, number: last)))
      #expect(range.prefixes.reduce(0) { $0 + $1.count } == range.count)
      #expect(range.prefixes.allSatisfy { range.contains($0.first) && range.contains($0.last) })
      #expect(range.map { $0 }.count == Int(range.count))
    }
  }

  @Test func overlaps() throws {
    let range = try AddressRange(parsing: "10.0.0.10-10.0.0.20")
    #expect(range.overlaps(try AddressRange(parsing: "10.0.0.20-10.0.0.30")))
    #expect(!range.overlaps(try AddressRange(parsing: "10.0.0.21-10.0.0.30")))
    #expect(range.contains(IPAddress("10.0.0.15")!) && !range.contains(IPAddress("10.0.0.9")!))
    #expect(AddressRange(try Prefix(parsing: "10.0.0.0/24")).contains(range))
  }
}

/// A generator with a seed, so that a failure can be repeated (Steele, Lea, Flood 2014).
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
