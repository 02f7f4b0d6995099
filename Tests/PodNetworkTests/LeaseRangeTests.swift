import Addressing
import JSON
import Testing

@testable import PodNetwork

@Suite struct LeaseRangeTests {
  static let orders: [(set: JSON, last: String?, expected: [String])] = [
    ([["subnet": "10.0.0.0/29"]], nil, ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]),
    ([["subnet": "10.0.0.0/29"]], "10.0.0.4", ["10.0.0.5", "10.0.0.6", "10.0.0.2", "10.0.0.3", "10.0.0.4"]),
    ([["subnet": "10.0.0.0/29"]], "10.0.0.6", ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]),
    // What was given out last under another configuration does not count.
    ([["subnet": "10.0.0.0/30"]], "10.9.0.1", ["10.0.0.2"]),
    ([["subnet": "10.0.0.0/30", "gateway": "10.0.0.2"]], nil, ["10.0.0.1"]),
    (
      [
        ["subnet": "10.0.0.0/24", "rangeStart": "10.0.0.8", "rangeEnd": "10.0.0.9"],
        ["subnet": "10.0.0.0/24", "rangeStart": "10.0.0.20", "rangeEnd": "10.0.0.21"],
      ], "10.0.0.9", ["10.0.0.20", "10.0.0.21", "10.0.0.8", "10.0.0.9"]
    ),
    // Ranges in the order they are given, not that of their addresses.
    (
      [
        ["subnet": "10.0.0.0/24", "rangeStart": "10.0.0.20", "rangeEnd": "10.0.0.21"],
        ["subnet": "10.0.0.0/24", "rangeStart": "10.0.0.8", "rangeEnd": "10.0.0.9"],
      ], "10.0.0.21", ["10.0.0.8", "10.0.0.9", "10.0.0.20", "10.0.0.21"]
    ),
    ([["subnet": "10.0.0.0/24", "rangeStart": "10.0.0.1", "rangeEnd": "10.0.0.1"]], nil, []),
    ([["subnet": "fd00::/126"]], nil, ["fd00::2", "fd00::3"]),
    // One address, one prefix, one range; the gateway inside another hole; the last address.
    (
      [["subnet": "10.0.0.0/28", "exclude": ["10.0.0.3", "10.0.0.8/30", "10.0.0.13-10.0.0.14"]]], nil,
      ["10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.12"]
    ),
    ([["subnet": "10.0.0.0/29", "exclude": ["10.0.0.0/30"]]], "10.0.0.2", ["10.0.0.4", "10.0.0.5", "10.0.0.6"]),
    (
      [["subnet": "10.0.0.0/29", "gateway": "10.0.0.4", "exclude": ["10.0.0.4-10.0.0.5"]]], "10.0.0.5",
      ["10.0.0.6", "10.0.0.1", "10.0.0.2", "10.0.0.3"]
    ),
    // The last one given out has been excluded since, at the end of its range.
    ([["subnet": "10.0.0.0/29", "exclude": ["10.0.0.5-10.0.0.6"]]], "10.0.0.5", ["10.0.0.2", "10.0.0.3", "10.0.0.4"]),
    ([["subnet": "10.0.0.0/29", "exclude": ["10.0.0.0/29"]]], nil, []),
    // Half of all addresses there are is no more work than one.
    (
      [["subnet": "::/0", "exclude": ["::/1", "8000::/2", "c000::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"]]], nil,
      ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]
    ),
  ]

  @Test(arguments: orders.indices)
  func candidates(index: Int) throws {
    let test = Self.orders[index]
    let set = try LeaseRangeSet(test.set, field: "ranges")
    let found = set.candidates(after: test.last.flatMap { IPAddress($0) })
    #expect(found.map(\.description) == test.expected)
    #expect(set.capacity == UInt128(test.expected.count))
    #expect(test.expected.allSatisfy { set.gives(IPAddress($0)!) })
  }

  static let refused: [(range: JSON, part: String)] = [
    (["subnet": "10.0.0.0/24", "exclude": "10.0.0.3"], "ranges[0].exclude is \"10.0.0.3\""),
    (["subnet": "10.0.0.0/24", "exclude": [3]], "ranges[0].exclude[0] is 3"),
    (["subnet": "10.0.0.0/24", "exclude": ["10.0.0.3", "10.0.1.0/28"]], "ranges[0].exclude[1]"),
    (["subnet": "10.0.0.0/24", "exclude": ["10.0.0.9-10.0.0.3"]], "comes before"),
    (["subnet": "10.0.0.0/24", "exclude": ["fd00::1"]], "addresses inside 10.0.0.0/24"),
  ]

  @Test(arguments: refused.indices)
  func refuses(index: Int) {
    let error = #expect(throws: CNIError.self) {
      _ = try LeaseRangeSet([Self.refused[index].range], field: "ranges")
    }
    #expect(error?.code == .invalidConfiguration)
    #expect(error?.message.contains(Self.refused[index].part) == true, "\(error?.message ?? "")")
  }

  @Test func olderFormsOfHostLocalsConfiguration() throws {
    let inline: JSON = ["type": "host-local", "subnet": "10.0.0.0/24", "rangeStart": "10.0.0.9"]
    #expect(try LeaseRangeSet.sets(ipam: inline).map(\.ranges[0].start) == [IPAddress("10.0.0.9")!])
    let both: JSON = ["subnet": "10.0.0.0/24", "ranges": [[["subnet": "fd00::/64"]]]]
    #expect(try LeaseRangeSet.sets(ipam: both).map(\.family) == [.v4, .v6])
    #expect(throws: CNIError.self) { try LeaseRangeSet.sets(ipam: ["ranges": []]) }
    #expect(try LeaseRangeSet.sets(ipam: ["ranges": []], areRequired: false).isEmpty)
  }
}
