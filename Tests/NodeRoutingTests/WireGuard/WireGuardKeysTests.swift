import Glibc
import Linux
import Netlink
import NodeRouting
import Testing

@Suite struct WireGuardKeysTests {
  private func pair(_ number: UInt8, made: Int64) -> WireGuardKeys.Pair {
    .init(privateKey: .random(), publicKey: testKey(number), made: made)
  }

  struct Case: Sendable {
    var now: Int64
    var hasNext = false
    var interval: Int64?
    var request: String?
    var step: WireGuardKeys.Step
  }

  /// The current pair is made at 1000 and the operator's request "old" was heard; the next pair is made at 2000.
  @Test(arguments: [
    Case(now: 99_999, step: .none),
    Case(now: 1099, interval: 100, step: .none),
    Case(now: 1100, interval: 100, step: .announce),
    Case(now: 1001, request: "old", step: .none),
    Case(now: 1001, request: "new", step: .announce),
    Case(now: 2029, hasNext: true, interval: 100, step: .none),
    Case(now: 2029, hasNext: true, request: "new", step: .none),
    Case(now: 2030, hasNext: true, step: .change),
    // The clock was set back: nobody waits for it to catch up.
    Case(now: 1999, hasNext: true, step: .change),
  ])
  func steps(_ one: Case) {
    let keys = WireGuardKeys(
      current: pair(1, made: 1000), next: one.hasNext ? pair(2, made: 2000) : nil, request: "old")
    #expect(keys.step(now: one.now, interval: one.interval, notice: 30, request: one.request) == one.step)
  }

  @Test func theFileIsForRootAloneAndReadsBack() throws {
    let folder = "/tmp/swt-wg-keys-\(getpid())"
    defer { try? Files.removeTree(folder) }
    let path = folder + "/deep/wireguard.key"
    #expect(WireGuardKeys(file: path) == nil)
    for keys in [
      WireGuardKeys(current: pair(1, made: 5)),
      WireGuardKeys(current: pair(1, made: 5), next: pair(2, made: 6), request: "now, \"please\""),
    ] {
      try keys.write(file: path)
      #expect(WireGuardKeys(file: path) == keys)
    }
    var status = stat()
    #expect(stat(path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
    for wrong in ["", "{}", #"{"current":{"privateKey":"AAAA","publicKey":"AAAA","made":1}}"#] {
      try Files.write(path, wrong)
      #expect(WireGuardKeys(file: path) == nil, "\(wrong)")
    }
  }
}
