import Addressing
import Glibc
import JSON
import Linux
import Testing

@testable import PodNetwork

/// Debian's host-local on the same folder: what one leases, the other knows, passes over and releases.
@Suite struct HostLocalTests {
  static let ranges: JSON = [[["subnet": "10.7.0.0/24"]], [["subnet": "fd07::/64"]]]

  /// host-local as a main plugin would call it; the addresses it gave.
  @discardableResult
  static func call(
    _ command: String, _ id: String, in store: LeaseStore, ranges: JSON = ranges
  ) throws -> (status: CInt, addresses: [IPAddress], output: String) {
    let configuration: JSON = [
      "cniVersion": "1.0.0", "name": "net", "type": "bridge",
      "ipam": ["type": "host-local", "dataDir": .string(Files.parent(of: store.directory)), "ranges": ranges],
    ]
    let result = try ChildProcess.run(
      ["/usr/lib/cni/host-local"], input: configuration.bytes(),
      environment: [
        "CNI_COMMAND": command, "CNI_CONTAINERID": id, "CNI_NETNS": "/run/netns/none", "CNI_IFNAME": "eth0",
        "CNI_PATH": "/usr/lib/cni",
      ], timeout: 60)
    let answer = result.standardOutput.isEmpty ? .null : try JSON(parsing: result.standardOutput)
    return (
      result.status.shellCode,
      answer["ips"].elements.compactMap { $0["address"].string }.compactMap { try? Prefix.parseInterface($0).0 },
      result.output
    )
  }

  private func attachment(_ id: String) -> LeaseStore.Attachment { .init(containerID: id, interfaceName: "eth0") }

  private var sets: [LeaseRangeSet] { get throws { try LeaseRangeSet.sets(Self.ranges, field: "ranges") } }

  @Test func aFolderChangesHandsBothWaysWithoutLosingALease() throws {
    try LeaseTests.withStore { store in
      let sets = try sets
      var held: [String: [IPAddress]] = [:]
      // Three by the one, three by the other, three by the one, with both families.
      for (round, isOurs) in [true, false, true, false].enumerated() {
        for number in 0..<3 {
          let id = "\(isOurs ? "ours" : "theirs")-\(round)-\(number)"
          if isOurs {
            held[id] = try store.lease(sets, to: attachment(id))
          } else {
            let answer = try Self.call("ADD", id, in: store)
            #expect(answer.status == 0, "\(answer.output)")
            held[id] = answer.addresses
          }
          // Each goes on where the other stopped.
          #expect(
            held[id]!.map(\.description) == [
              "10.7.0.\(2 + held.count - 1)", "fd07::\(String(1 + held.count, radix: 16))",
            ])
        }
        #expect(try store.leases().count == 2 * held.count)
        for (id, addresses) in held {
          #expect(addresses.allSatisfy { store.holder(of: $0) == attachment(id) }, "\(id)")
          #expect(try Self.call("CHECK", id, in: store).status == 0, "\(id)")
        }
      }
      // Neither gives a container with leases of the other's more of them.
      #expect(try Self.call("ADD", "ours-0-0", in: store).status != 0)
      // Each takes back what the other gave.
      for (number, id) in held.keys.sorted().enumerated() {
        if id.hasPrefix("ours") == (number % 3 > 0) {
          #expect(try Self.call("DEL", id, in: store).status == 0)
        } else {
          #expect(try store.release(attachment(id)).sorted() == held[id]!.sorted())
        }
        held[id] = nil
        #expect(try Set(store.leases().map(\.address)) == Set(held.values.flatMap(\.self)))
      }
    }
  }

  @Test func oursInAFolderOfTheirsAndBack() throws {
    try LeaseTests.withStore { store in
      // A folder that host-local made, with a lease of its older form.
      for id in ["a", "b"] { try Self.call("ADD", id, in: store) }
      try Files.write("\(store.directory)/10.7.0.9", "old")
      #expect(try store.leases().count == 5)
      #expect(try store.release(attachment("a")).count == 2)
      #expect(try store.release(attachment("old")).count == 1)
      #expect(try store.lease(sets, to: attachment("c")).map(\.description) == ["10.7.0.4", "fd07::4"])
      // And back: what we noted beside is gone, as if somebody had cleaned up.
      try Self.call("DEL", "c", in: store)
      try Self.call("ADD", "c", in: store)
      #expect(try store.release(attachment("c")).map(\.description).sorted() == ["10.7.0.5", "fd07::5"])
      #expect(try Self.call("DEL", "b", in: store).status == 0)
      #expect(try store.files().isEmpty)
    }
  }

  @Test func bothAtOnceGiveEachAddressOnce() throws {
    try LeaseTests.withStore { store in
      let sets = try sets
      let threads = (0..<6).map { thread in
        Linux.Thread("lease \(thread)") {
          for number in 0..<10 {
            let id = "\(thread)-\(number)"
            if thread % 2 == 0 {
              _ = try? store.lease(sets, to: .init(containerID: id, interfaceName: "eth0"))
              if number % 3 == 0 { _ = try? store.release(.init(containerID: id, interfaceName: "eth0")) }
            } else {
              _ = try? Self.call("ADD", id, in: store)
              if number % 3 == 0 { _ = try? Self.call("DEL", id, in: store) }
            }
          }
        }
      }
      for thread in threads { thread.join() }
      let holders = Dictionary(grouping: try store.leases(), by: \.holder)
      #expect(holders.count == 36)
      #expect(holders.values.allSatisfy { Set($0.map(\.address.family)).count == 2 && $0.count == 2 })
    }
  }
}
