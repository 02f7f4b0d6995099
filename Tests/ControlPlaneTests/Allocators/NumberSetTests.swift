import Addressing
import Testing

@testable import ControlPlane

@Suite struct NumberSetTests {
  @Test func agreesWithASet() {
    var numbers = NumberSet()
    var oracle: Set<UInt128> = []
    let base: UInt128 = 1 << 100
    for _ in 0..<20_000 {
      let number = base + UInt128.random(in: 0...700)
      switch Int.random(in: 0..<3) {
      case 0: #expect(numbers.insert(number) == oracle.insert(number).inserted)
      case 1: #expect(numbers.remove(number) == (oracle.remove(number) != nil))
      default:
        let last = UInt128.random(in: number...(base + 700))
        #expect(numbers.firstFree(in: number...last) == (number...last).first { !oracle.contains($0) })
        if let any = numbers.anyFree(in: number...last) {
          #expect((number...last).contains(any) && !oracle.contains(any))
        } else {
          #expect(numbers.firstFree(in: number...last) == nil)
        }
      }
    }
    #expect(numbers.count == oracle.count)
    for number in oracle { numbers.remove(number) }
    #expect(numbers == NumberSet())
  }

  @Test func theEndsOfAllNumbers() {
    var numbers = NumberSet()
    for number in (UInt128.max - 200)...UInt128.max { numbers.insert(number) }
    #expect(numbers.firstFree(in: (UInt128.max - 100)...UInt128.max) == nil)
    numbers.remove(.max)
    #expect(numbers.firstFree(in: (UInt128.max - 100)...UInt128.max) == .max)
    #expect(numbers.firstFree(in: 0...0) == 0)
  }

  /// The bands, as the documentation of Kubernetes computes them for its examples, and the ends.
  @Test(arguments: [
    ("10.96.0.0/24", "10.96.0.1", "10.96.0.17", "10.96.0.254"),
    ("10.96.0.0/20", "10.96.0.1", "10.96.1.1", "10.96.15.254"),
    ("10.96.0.0/16", "10.96.0.1", "10.96.1.1", "10.96.255.254"),
    ("10.96.0.0/28", "10.96.0.1", "10.96.0.1", "10.96.0.14"),
    ("10.96.0.0/27", "10.96.0.1", "10.96.0.17", "10.96.0.30"),
    ("10.96.0.0/30", "10.96.0.1", "10.96.0.1", "10.96.0.2"),
    ("fd00::/120", "fd00::1", "fd00::11", "fd00::ff"),
    ("fd00::/64", "fd00::1", "fd00::101", "fd00::ffff:ffff:ffff:ffff"),
    ("10.96.0.0/31", "", "", ""), ("10.96.0.1/32", "", "", ""), ("fd00::/63", "", "", ""), ("fd00::1/128", "", "", ""),
  ]) func bands(prefix: String, first: String, dynamic: String, last: String) {
    let range = ServiceRange(Prefix(prefix)!)
    #expect(range.usable?.lowerBound == IPAddress(first)?.number)
    #expect(range.usable?.upperBound == IPAddress(last)?.number)
    #expect(range.dynamicBand?.lowerBound == IPAddress(dynamic)?.number)
  }

  @Test(arguments: [(2768, 86), (16, 0), (17, 16), (512, 16), (1024, 32), (4096, 128), (65535, 128)])
  func portBands(count: Int, band: Int) { #expect(NodePortAllocator.staticBand(count) == band) }
}
