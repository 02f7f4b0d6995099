import Addressing
import ClusterModel
import Linux
import Netlink
import NodeRouting
import Testing

/// The cost of a change is the size of the change. Times are printed, not asserted.
@Suite(.serialized) struct ScaleKernelTests {
  private func peer(_ number: Int, at address: Int) -> Node {
    node(
      "peer\(number)", at: ["172.16.\(address / 250).\(address % 250 + 1)"],
      pods: ["10.\(64 + number / 256).\(number % 256).0/24", "fd00:10:\(String(number + 16, radix: 16))::/64"])
  }

  @Test(arguments: [10, 5000])
  func oneChangeAmongMany(count: Int) throws {
    let fabric = try Fabric()
    let own = try fabric.add(1, pods: [.v4, .v6])
    let nodes = (0..<count).map { peer($0, at: $0) }
    var start = Time.monotonicNanoseconds
    #expect(try own.router.synchronize([own.object] + nodes) >= count * 5)
    let load = Time.monotonicNanoseconds - start
    start = Time.monotonicNanoseconds
    #expect(try own.router.repair() == 0)
    let look = Time.monotonicNanoseconds - start
    var moves: [UInt64] = []
    for round in 1...20 {
      start = Time.monotonicNanoseconds
      // Another address: one forwarding entry, replaced in place.
      #expect(try own.router.apply([("peer3", peer(3, at: count + round))]) == 1)
      moves.append(Time.monotonicNanoseconds - start)
    }
    start = Time.monotonicNanoseconds
    #expect(try own.router.apply([("peer3", nil)]) == 5)
    let removal = Time.monotonicNanoseconds - start
    #expect(try own.router.repair() == 0)
    let routes = try fabric.oracle("n1", "ip -j route show dev swiftlet.1").filter { $0["protocol"].string == "87" }
    #expect(routes.count == count - 1)
    print(
      "\(count) peers, both families: all made in \(load / 1_000_000) ms, looked over in \(look / 1_000_000) ms, "
        + "one moved in \(moves.sorted()[10] / 1000) µs, one removed in \(removal / 1000) µs")
  }
}
