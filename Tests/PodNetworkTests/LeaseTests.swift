import Addressing
import Glibc
import JSON
import Linux
import Testing

@testable import PodNetwork

@Suite struct LeaseTests {
  static func set(_ json: JSON) throws -> LeaseRangeSet { try LeaseRangeSet(json, field: "ranges") }

  /// A folder of leases of its own.
  static func withStore(_ body: (LeaseStore) throws -> Void) throws {
    var template = Array("/tmp/swt-podnet-XXXXXX".utf8CString)
    let path = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer { try? Files.removeTree(path) }
    try body(LeaseStore(dataDirectory: path, network: "net"))
  }

  private func attachment(_ id: String) -> LeaseStore.Attachment { .init(containerID: id, interfaceName: "eth0") }

  @Test func aReleasedAddressRestsAsLongAsItCan() throws {
    try Self.withStore { store in
      let sets = [try Self.set([["subnet": "10.0.0.0/29"]])]
      for _ in 0..<3 {
        for expected in 2...6 {
          let leased = try store.lease(sets, to: attachment("a"))
          #expect(leased == [IPAddress("10.0.0.\(expected)")!])
          #expect(try store.release(attachment("a")) == leased)
        }
      }
    }
  }

  @Test func bothFamiliesOrNone() throws {
    try Self.withStore { store in
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
    try Self.withStore { store in
      _ = try store.lease([try Self.set([["subnet": "10.0.0.0/24"]])], to: attachment("a"))
      #expect(try Files.list(store.directory) == [".swiftlet", "10.0.0.2", "last_reserved_ip.0", "lock"])
      #expect(try Files.read("\(store.directory)/10.0.0.2") == Array("a\r\neth0".utf8))
      #expect(try Files.readText("\(store.directory)/last_reserved_ip.0") == "10.0.0.2")
      var status = stat()
      #expect(stat("\(store.directory)/10.0.0.2", &status) == 0 && status.st_mode & 0o777 == 0o600)
    }
  }

  @Test func onlyWhatIsItsOwnIsReleased() throws {
    try Self.withStore { store in
      #expect(try store.release(attachment("nobody")) == [])
      let sets = [try Self.set([["subnet": "10.0.0.0/24"]])]
      let first = try store.lease(sets, to: attachment("a"))
      let second = try store.lease(sets, to: attachment("b"))
      #expect(try store.release(attachment("a")) == first)
      #expect(store.holder(of: second[0]) == attachment("b"))
      #expect(try store.release(.init(containerID: "b", interfaceName: "eth1")) == [])
      try Files.write("\(store.directory)/10.0.0.77", "old")
      #expect(try store.release(attachment("old")) == [IPAddress("10.0.0.77")!])
      #expect(try store.release(attachment("b")) == second)
      let third = try store.lease(sets, to: attachment("c"))
      _ = try store.lease(sets, to: attachment("d"))
      #expect(try store.release(allBut: [attachment("c")]).count == 1)
      #expect(try store.leases().map(\.address) == third)
    }
  }

  @Test func manyAtOnceGetDistinctAddresses() throws {
    try Self.withStore { store in
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

  @Test func requestedAddresses() throws {
    try Self.withStore { store in
      let sets = [
        try Self.set([["subnet": "10.0.0.0/24", "exclude": ["10.0.0.200-10.0.0.220"]]]),
        try Self.set([["subnet": "fd00::/64"]]),
      ]
      func lease(_ id: String, _ requested: String...) throws -> [String] {
        try store.lease(sets, requested: requested.map { IPAddress($0)! }, to: attachment(id)).map(\.description)
      }
      #expect(try lease("a", "10.0.0.9") == ["10.0.0.9", "fd00::2"])
      #expect(try lease("b", "fd00::abcd", "10.0.0.77") == ["10.0.0.77", "fd00::abcd"])
      // What is out of turn does not change whose turn it is; what is in turn does.
      #expect(try lease("c") == ["10.0.0.2", "fd00::3"])
      #expect(try lease("d", "10.0.0.3") == ["10.0.0.3", "fd00::4"])
      #expect(try lease("e") == ["10.0.0.4", "fd00::5"])
      // Excluded ones are there for those who ask.
      #expect(try lease("f", "10.0.0.210") == ["10.0.0.210", "fd00::6"])
      for (requested, code, part) in [
        (["10.0.0.9"], CNIError.Code.exhausted, "is leased to container a"),
        (["10.0.0.1"], .invalidConfiguration, "gateway"),
        (["10.0.1.1"], .invalidConfiguration, "in none of the ranges"),
        (["10.0.0.50", "10.0.0.51"], .invalidConfiguration, "10.0.0.51"),
      ] {
        let error = #expect(throws: CNIError.self) {
          try store.lease(sets, requested: requested.map { IPAddress($0)! }, to: attachment("x"))
        }
        #expect(error?.code == code && error?.message.contains(part) == true, "\(error?.message ?? "")")
      }
      #expect(try store.leases().count == 12)
    }
  }

  @Test func aReleasedAddressWhoseTurnItIsNextRestsAllTheSame() throws {
    try Self.withStore { store in
      let sets = [try Self.set([["subnet": "10.0.0.0/24"]]), try Self.set([["subnet": "fd00::/64"]])]
      let asked = try store.lease(sets, requested: [IPAddress("10.0.0.5")!], to: attachment("a"))
      for number in 2...4 { _ = try store.lease(sets, to: attachment("\(number)")) }
      #expect(try store.release(attachment("a")).sorted() == asked.sorted())
      #expect(try store.lease(sets, to: attachment("b")).first == IPAddress("10.0.0.6")!)
    }
  }

  @Test func longRunsOfTakenAddressesAreSkipped() throws {
    try Self.withStore { store in
      let sets = [try Self.set([["subnet": "10.0.0.0/22"]])]
      _ = try store.lease(sets, to: attachment("first"))
      for number in 3..<900 {
        try Files.write("\(store.directory)/\(IPAddress(.v4, number: 0x0A00_0000 + UInt128(number)))", "x\r\neth0")
      }
      #expect(try store.lease(sets, to: attachment("a")) == [IPAddress("10.0.3.132")!])
      #expect(try store.lease(sets, to: attachment("b")) == [IPAddress("10.0.3.133")!])
    }
  }

  @Test func exhaustionTellsWhoHoldsHowMany() throws {
    try Self.withStore { store in
      let sets = [try Self.set([["subnet": "10.0.0.0/28"]])]
      for number in 0..<6 { _ = try store.lease(sets, to: attachment("a\(number)"), pod: "default/web-\(number)") }
      for number in 0..<3 { _ = try store.lease(sets, to: attachment("b\(number)"), pod: "shop/db") }
      _ = try store.lease(sets, to: attachment("c"))
      try store.checkAvailability(of: sets)
      try Files.write("\(store.directory)/10.0.0.12", "")
      try Files.write("\(store.directory)/10.0.0.13", "c\r\neth1")
      try Files.write("\(store.directory)/10.0.0.14", "keep out!")
      for attempt in 0..<2 {
        let error = #expect(throws: CNIError.self) {
          if attempt == 0 {
            _ = try store.lease(sets, to: attachment("x"))
          } else {
            try store.checkAvailability(of: sets)
          }
        }
        #expect(error?.code == .exhausted)
        #expect(error?.message.contains("no address is free in 10.0.0.1-10.0.0.14: all 13 are taken") == true)
        #expect(
          error?.details
            == "held by namespace default: 6, namespace shop: 3, containers without a pod's name: 2; more than one each: "
            + "pod shop/db: 3, container c: 2; files without an owner: 2")
      }
    }
  }

  @Test func whatAKilledAddLeftIsTakenBackByTheNextOfTheSamePod() throws {
    try Self.withStore { store in
      let sets = [try Self.set([["subnet": "10.0.0.0/24"]])]
      let first = try store.lease(sets, to: attachment("a"))
      let second = try store.lease(sets, to: attachment("a"))
      #expect(first != second)
      #expect(try store.leases().map(\.address) == second)
    }
  }

  @Test func leasesAreFoundWithoutRecordsAndWithWrongOnes() throws {
    try Self.withStore { store in
      let sets = [try Self.set([["subnet": "10.0.0.0/24"]]), try Self.set([["subnet": "fd00::/64"]])]
      // No records.
      _ = try store.lease(sets, to: attachment("a"))
      try Files.removeTree("\(store.directory)/.swiftlet")
      #expect(try store.release(attachment("a")).count == 2)
      // A record of leases that host-local has taken back, and others it gave to the same container since.
      _ = try store.lease(sets, to: attachment("b"))
      try Files.remove("\(store.directory)/10.0.0.3")
      try Files.remove("\(store.directory)/fd00::3")
      try Files.write("\(store.directory)/10.0.0.99", "b\r\neth0")
      #expect(try store.held(by: attachment("b")) == [IPAddress("10.0.0.99")!])
      #expect(try store.release(attachment("b")) == [IPAddress("10.0.0.99")!])
      // Records that are no records.
      _ = try store.lease(sets, to: attachment("c"))
      try Files.remove("\(store.directory)/.swiftlet/holders/c:eth0")
      try Files.write("\(store.directory)/.swiftlet/holders/c:eth0", "?")
      #expect(try store.release(attachment("c")).count == 2)
      // A name that no file can have.
      let long = String(repeating: "x", count: 300)
      #expect(try store.lease(sets, to: attachment(long)).count == 2)
      #expect(try store.release(attachment(long)).count == 2)
      #expect(try store.leases().isEmpty)
    }
  }
}
