import Addressing
import Glibc
import JSON
import Linux
import Netlink
import Testing

@testable import PodNetwork

/// Leases whose pods are gone without a DEL: after a reboot, and where only the link tells.
@Suite struct LeaseBootTests {
  private func attachment(_ id: String) -> LeaseStore.Attachment { .init(containerID: id, interfaceName: "eth0") }
  private var sets: [LeaseRangeSet] {
    get throws { [try LeaseTests.set([["subnet": "10.0.0.0/24"]]), try LeaseTests.set([["subnet": "fd00::/64"]])] }
  }

  private func store(_ other: LeaseStore, boot: String, startedAt: Double) -> LeaseStore {
    LeaseStore(
      dataDirectory: Files.parent(of: other.directory), network: "net",
      boot: BootIdentity(id: "\(boot)-0000-4000-8000-000000000000", startedAt: startedAt))
  }

  @Test func leasesOfEarlierBootsAreTakenBackByTheFirstChange() throws {
    try LeaseTests.withStore { base in
      let first = store(base, boot: "aaaaaaaa", startedAt: 1000)
      for id in ["a", "b"] { _ = try first.lease(sets, to: attachment(id)) }
      try Files.write("\(base.directory)/10.0.0.50", "peer\r\neth0")
      try Files.write("\(base.directory)/10.0.0.51", "")
      try Files.write("\(base.directory)/10.0.0.52", "not a lease at all")
      // The same boot: nothing goes, however the clock is set.
      let moved = store(base, boot: "aaaaaaaa", startedAt: Time.wallSeconds + 3600)
      #expect(try moved.release(attachment("nobody")).isEmpty)
      #expect(try base.files().count == 7)
      // The next: ours go, what others wrote before goes, what is foreign stays.
      let next = store(base, boot: "bbbbbbbb", startedAt: Time.wallSeconds + 3600)
      #expect(try next.lease(sets, to: attachment("c")).map(\.description) == ["10.0.0.4", "fd00::4"])
      #expect(try next.leases().map(\.holder.containerID) == ["c", "c"])
      #expect(try next.files().map(\.name) == ["10.0.0.4", "10.0.0.52", "fd00::4"])
      #expect(try next.records().map(\.attachment) == [attachment("c")])
      // A DEL for a pod of before, which comes late, takes nothing from the new one.
      #expect(try next.release(attachment("a")).isEmpty)
      #expect(try next.leases().count == 2)
    }
  }

  @Test func whatHostLocalGaveInThisBootStays() throws {
    try LeaseTests.withStore { base in
      let first = store(base, boot: "aaaaaaaa", startedAt: 1000)
      _ = try first.lease(sets, to: attachment("a"))
      try Files.write("\(base.directory)/10.0.0.50", "peer\r\neth0")
      // The node booted long ago and host-local served it since, until now.
      let next = store(base, boot: "bbbbbbbb", startedAt: Time.wallSeconds - 3600)
      try next.settle()
      #expect(try next.leases().map(\.holder.containerID) == ["peer"])
    }
  }

  @Test func aFolderWithoutMarkTellsByTheTimeOfWriting() throws {
    try LeaseTests.withStore { base in
      try Files.makeDirectories(base.directory)
      try Files.write("\(base.directory)/10.0.0.50", "peer\r\neth0")
      try store(base, boot: "aaaaaaaa", startedAt: Time.wallSeconds - 3600).settle()
      #expect(try base.leases().count == 1)
      try store(base, boot: "bbbbbbbb", startedAt: Time.wallSeconds + 3600).settle()
      #expect(try base.leases().isEmpty)
    }
  }

  @Test func thisKernelHasABoot() throws {
    let boot = try #require(BootIdentity.current())
    #expect(try boot.id == Sysctl.read("kernel/random/boot_id"))
    let started = try Files.readText("/proc/stat").split(separator: "\n").first { $0.hasPrefix("btime ") }
    let seconds = try #require(started.flatMap { Double($0.dropFirst(6)) })
    #expect(abs(boot.startedAt - seconds) < 5)
  }

  private func links(_ aliases: String...) -> LiveLinks {
    LiveLinks(names: ["lo", "cni0"], aliases: aliases.map { PodLink.alias(attachment($0)) })
  }

  @Test func orphansAreThoseWhoseLinkIsMissingAllTheTime() throws {
    try LeaseTests.withStore { store in
      for id in ["a", "b", "c"] { _ = try store.lease(sets, to: attachment(id)) }
      try Files.write("\(store.directory)/10.0.0.50", "peer\r\neth0")
      var watch = OrphanWatch(store, grace: 0.001)
      usleep(2000)
      #expect(try watch.orphans(now: 100, bridge: "cni0") { links("a", "b", "c") }.isEmpty)
      // Missing once is not enough, nor is missing twice with a sight between.
      #expect(try watch.orphans(now: 200, bridge: "cni0") { links("a", "c") }.isEmpty)
      #expect(try watch.orphans(now: 300, bridge: "cni0") { links("a", "b") }.isEmpty)
      #expect(try watch.orphans(now: 300.0005, bridge: "cni0") { links("a") }.isEmpty)
      #expect(try watch.orphans(now: 400, bridge: "cni0") { links("a", "b") }.map(\.attachment.containerID) == ["c"])
      // A record too young by the wall clock, whatever the other clock says.
      var patient = OrphanWatch(store, grace: 1000)
      #expect(try patient.orphans(now: 0, bridge: "cni0") { links() }.isEmpty)
      #expect(try patient.orphans(now: 5000, bridge: "cni0") { links() }.isEmpty)
    }
  }

  @Test func aNamespaceThatIsNotTheNodesJudgesNobody() throws {
    try LeaseTests.withStore { store in
      _ = try store.lease(sets, to: attachment("a"))
      usleep(2000)
      var watch = OrphanWatch(store, grace: 0.001)
      for now in [1.0, 2, 3] {
        #expect(try watch.orphans(now: now, bridge: "cni0") { LiveLinks(names: ["lo", "eth0"]) }.isEmpty)
        #expect(try watch.orphans(now: now, bridge: nil) { LiveLinks(names: ["cni0"]) }.isEmpty)
      }
      // Another pod's link tells as well.
      for now in [4.0, 5] {
        #expect(try watch.orphans(now: now, bridge: nil) { links("b") }.count == (now == 5 ? 1 : 0))
      }
    }
  }

  @Test func aLinkWithoutAliasCountsByItsName() throws {
    let half = LiveLinks(names: [PodLink.hostName(attachment("a"), attempt: 1)])
    #expect(half.contains(attachment("a")) && !half.contains(attachment("b")))
  }
}
