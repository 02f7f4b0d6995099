import Addressing
import NodeRouting
import Testing

@Suite struct PrefixIndexTests {
  @Test func whatContainsAndWhatIsInside() {
    var index = PrefixIndex()
    for text in ["10.0.0.0/8", "10.244.0.0/16", "10.244.2.0/24", "10.244.2.128/25", "10.245.0.0/16", "fd00::/64"] {
      index.insert(Prefix(text)!, owner: text)
    }
    func overlapping(_ text: String) -> [String] { index.overlapping(Prefix(text)!).map(\.owner) }
    #expect(overlapping("10.244.2.0/24") == ["10.0.0.0/8", "10.244.0.0/16", "10.244.2.0/24", "10.244.2.128/25"])
    #expect(overlapping("10.244.2.5/32") == ["10.0.0.0/8", "10.244.0.0/16", "10.244.2.0/24"])
    #expect(overlapping("192.0.2.0/24").isEmpty)
    #expect(overlapping("0.0.0.0/0").count == 5, "IPv6 is not IPv4")
    #expect(overlapping("::/0") == ["fd00::/64"])
    index.remove(Prefix("10.244.0.0/16")!, owner: "10.244.0.0/16")
    index.remove(Prefix("10.244.0.0/16")!, owner: "somebody else")
    #expect(overlapping("10.244.2.5/32") == ["10.0.0.0/8", "10.244.2.0/24"])
  }

  /// Against looking at every pair, on prefixes chosen to collide.
  @Test func agreesWithLookingAtAll() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<50 {
      var index = PrefixIndex()
      var all: Set<PrefixIndex.Entry> = []
      for number in 0..<60 {
        let family: IPFamily = Bool.random(using: &generator) ? .v4 : .v6
        let length = Int.random(in: 0...family.bits, using: &generator)
        let top = UInt128(UInt8.random(in: 0...3, using: &generator)) << UInt128(family.bits - 8)
        let low = UInt128(UInt8.random(in: 0...3, using: &generator)) << UInt128(family.bits - length)
        let prefix = Prefix(IPAddress(family, number: length == 0 ? 0 : top | low), length: length)
        if number % 5 == 4, let one = all.randomElement(using: &generator) {
          index.remove(one.prefix, owner: one.owner)
          all.remove(one)
        }
        index.insert(prefix, owner: "\(number % 7)")
        all.insert(PrefixIndex.Entry(owner: "\(number % 7)", prefix: prefix))
        let expected = all.filter { $0.prefix.overlaps(prefix) }
        let found = index.overlapping(prefix)
        #expect(Set(found) == expected)
        #expect(found.count == expected.count)
      }
      #expect(index.count == all.count)
    }
  }
}
