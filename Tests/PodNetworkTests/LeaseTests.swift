import Addressing
import Glibc
import JSON
import Linux
import Testing

@testable import PodNetwork

@Suite struct LeaseTests {
  static func set(_ json: JSON) throws -> LeaseRangeSet { try LeaseRangeSet(json, field: "ranges") }

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
    ([["subnet": "10.0.0.0/24", "rangeStart": "10.0.0.1", "rangeEnd": "10.0.0.1"]], nil, []),
    ([["subnet": "fd00::/126"]], nil, ["fd00::2", "fd00::3"]),
  ]

  @Test(arguments: orders.indices)
  func candidates(index: Int) throws {
    let test = Self.orders[index]
    let found = try Self.set(test.set).candidates(after: test.last.flatMap { IPAddress($0) })
    #expect(found.map(\.description) == test.expected)
  }

  private func withStore(_ body: (LeaseStore) throws -> Void) throws {
    var template = Array("/tmp/swt-podnet-XXXXXX".utf8CString)
    let path = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer { try? Files.removeTree(path) }
    try body(LeaseStore(dataDirectory: path, network: "net"))
  }

  private func attachment(_ id: String) -> LeaseStore.Attachment { .init(containerID: id, interfaceName: "eth0") }

  @Test func aReleasedAddressRestsAsLongAsItCan() throws {
    try withStore { store in
      let sets = [try Self.set([["subnet": "10.0.0.0/29"]])]
      for _ in 0..<3 {
        for expected in 2...6 {
          let leased = try store.lease(sets, to: attachment("a"))
          #expect(leased == [IPAddress("10.0.0.\(expected)")!])
          #expect(try store.release(attachment("a"), hint: leased) == leased)
        }
      }
    }
  }

  @Test func bothFamiliesOrNone() throws {
    try withStore { store in
      let sets = [try Self.set([["subnet": "10.0.0.0/24"]]), try Self.set([["subnet": "fd00::/126"]])]
      #expect(try store.lease(sets, to: attachment("a")).count == 2)
      #expect(try store.lease(sets, to: attachment("b")).count == 2)
      let error = #expect(throws: CNIError.self) { try store.lease(sets, to: attachment("c")) }
      #expect(error?.code == .exhausted)
      #expect(try store.leases().count == 4)
      #expect(try store.release(attachment("a")).count == 2)
      #expect(try store.lease(sets, to: attachment("c")).count == 2)
    }
  }

  @Test func layoutIsThatOfHostLocal() throws {
    try withStore { store in
      _ = try store.lease([try Self.set([["subnet": "10.0.0.0/24"]])], to: attachment("a"))
      #expect(try Files.list(store.directory) == ["10.0.0.2", "last_reserved_ip.0", "lock"])
      #expect(try Files.read("\(store.directory)/10.0.0.2") == Array("a\r\neth0".utf8))
      #expect(try Files.readText("\(store.directory)/last_reserved_ip.0") == "10.0.0.2")
      var status = stat()
      #expect(stat("\(store.directory)/10.0.0.2", &status) == 0 && status.st_mode & 0o777 == 0o600)
    }
  }

  @Test func onlyWhatIsItsOwnIsReleased() throws {
    try withStore { store in
      #expect(try store.release(attachment("nobody")) == [])
      let sets = [try Self.set([["subnet": "10.0.0.0/24"]])]
      let first = try store.lease(sets, to: attachment("a"))
      let second = try store.lease(sets, to: attachment("b"))
      // A late DEL with a result whose address another has by now.
      #expect(try store.release(attachment("a"), hint: second) == first)
      #expect(store.holder(of: second[0]) == attachment("b"))
      #expect(try store.release(.init(containerID: "b", interfaceName: "eth1")) == [])
      try Files.write("\(store.directory)/10.0.0.77", "b")
      #expect(try store.release(attachment("b")).count == 2)
      let third = try store.lease(sets, to: attachment("c"))
      _ = try store.lease(sets, to: attachment("d"))
      #expect(try store.release(allBut: [attachment("c")]).count == 1)
      #expect(try store.leases().map(\.address) == third)
    }
  }

  @Test func manyAtOnceGetDistinctAddresses() throws {
    try withStore { store in
      let sets = [try Self.set([["subnet": "10.0.0.0/24"]])]
      let threads = (0..<8).map { thread in
        Linux.Thread("lease \(thread)") {
          for number in 0..<25 {
            _ = try? store.lease(sets, to: .init(containerID: "\(thread)-\(number)", interfaceName: "eth0"))
          }
        }
      }
      for thread in threads { thread.join() }
      #expect(try Set(store.leases().map(\.holder)).count == 200)
    }
  }
}
