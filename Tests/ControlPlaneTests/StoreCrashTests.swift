import ControlPlane
import Glibc
import Linux
import StoreScript
import Testing

/// Acknowledged writes are kept writes, and no write is there by half, at whatever moment the process is killed.
@Suite("Store under kill -9", .serialized)
struct StoreCrashTests {
  private static let kills = 1000

  private static func writer() throws -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let length = readlink("/proc/self/exe", &buffer, 4095)
    let folder = Files.parent(of: String(decoding: buffer[..<max(0, length)], as: UTF8.self))
    for candidate in [folder + "/swiftlet-store-writer", ".build/debug/swiftlet-store-writer"]
    where Files.exists(candidate) {
      return candidate
    }
    return try #require(nil as String?, "swiftlet-store-writer is not beside the tests; swift build --build-tests")
  }

  @Test func everyAcknowledgedWriteSurvivesAThousandKills() throws {
    let writer = try Self.writer()
    // In memory where possible: a kill takes nothing from the page cache, so that the disk would only make writes rarer.
    let parent = Files.isDirectory("/dev/shm") ? "/dev/shm" : "/tmp"
    var template = Array("\(parent)/swt-store-XXXXXX".utf8CString)
    let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer { try? Files.removeTree(folder) }
    let path = folder + "/db"
    var acknowledged = 0
    var unacknowledged = 0
    var whileOpening = 0
    for kill in 0..<Self.kills {
      // Now and then a file from nothing, so that its making is interrupted too.
      if kill % 100 == 0 {
        for name in try Files.list(folder) { try Files.remove("\(folder)/\(name)") }
        acknowledged = 0
      }
      let before = acknowledged
      var ends: [CInt] = [0, 0]
      try #require(pipe(&ends) == 0)
      let process = try ChildProcess([writer, path, "100000"], standardOutput: .descriptor(ends[1]))
      close(ends[1])
      // At any moment of its start (opening, recovery), or of a write, a checkpoint, an answer.
      var number: UInt64 = 0
      if kill % 4 == 0 {
        usleep(UInt32.random(in: 0..<20_000))
      } else {
        for _ in 0...Int.random(in: 0..<16) where read(ends[0], &number, 8) == 8 { acknowledged = Int(number) }
        usleep(UInt32.random(in: 0..<2000))
      }
      process.signal(SIGKILL)
      process.wait()
      while read(ends[0], &number, 8) == 8 { acknowledged = Int(number) }
      close(ends[0])
      if acknowledged == before { whileOpening += 1 }
      guard Files.exists(path) else {
        #expect(acknowledged == 0)
        continue
      }
      let store = try ObjectStore(path: path)
      let held = StoreScript.number(in: store)
      // The write that was under way may be there or not; no other.
      try #require(held == acknowledged || held == acknowledged + 1, "kill \(kill): \(held), \(acknowledged)")
      let faults = StoreScript.faults(in: store, after: held)
      try #require(faults.isEmpty, "kill \(kill) after \(acknowledged): \(faults)")
      if held > acknowledged { unacknowledged += 1 }
      acknowledged = held
    }
    // Both kinds of moment were met: before the first write, and in the middle of one.
    #expect(whileOpening > 0 && whileOpening < Self.kills)
    print("kills: \(Self.kills), before the first write: \(whileOpening), between commit and answer: \(unacknowledged)")
  }
}
