import Glibc
import Testing

@testable import Linux

@Suite struct FilesTests {
  private func withDirectory(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/swt-podnet-XXXXXX".utf8CString)
    let path = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer { try? Files.removeTree(path) }
    try body(path)
  }

  @Test func writesReadsAndLists() throws {
    try withDirectory { path in
      try Files.makeDirectories("\(path)/a/b/c")
      try Files.makeDirectories("\(path)/a/b/c")
      try Files.write("\(path)/a/b/file", "one", mode: 0o600, durable: true)
      try Files.write("\(path)/a/b/file", "two", mode: 0o600)
      #expect(try Files.readText("\(path)/a/b/file") == "two")
      #expect(try Files.list("\(path)/a/b") == ["c", "file"])
      #expect(Files.exists("\(path)/a/b/file") && !Files.exists("\(path)/a/x"))
      #expect(Files.isDirectory("\(path)/a") && !Files.isDirectory("\(path)/a/b/file"))
      #expect(throws: SystemError.self) { try Files.makeDirectories("\(path)/a/b/file") }
      #expect(throws: SystemError.self) { try Files.makeDirectories("\(path)/a/b/file/d") }
      #expect(throws: SystemError.self) { _ = try Files.read("\(path)/missing") }
      #expect(throws: SystemError.self) { try Files.write("\(path)/missing/file", "x") }
    }
  }

  @Test func removesTreesButNotWhatLinksLeadTo() throws {
    try withDirectory { path in
      try Files.makeDirectories("\(path)/tree/deep/deeper")
      try Files.write("\(path)/tree/deep/file", "x")
      try Files.write("\(path)/kept", "x")
      #expect(symlink("\(path)/kept", "\(path)/tree/link") == 0)
      #expect(symlink(path, "\(path)/tree/loop") == 0)
      try Files.removeTree("\(path)/tree")
      try Files.removeTree("\(path)/tree")
      #expect(try Files.list(path) == ["kept"])
    }
  }

  @Test func lockExcludes() throws {
    try withDirectory { path in
      let first = try FileLock.attempt("\(path)/lock")
      let isHeld = first != nil
      #expect(isHeld)
      let second = try FileLock.attempt("\(path)/lock")
      let isRefused = second == nil
      #expect(isRefused)
      drop(first)
      let third = try FileLock("\(path)/lock")
      drop(third)
    }
  }

  private func drop(_ lock: consuming FileLock?) {}

  @Test(arguments: [("/a/b", "/a"), ("/a", "/"), ("b", "."), ("a/b", "a")])
  func parent(path: String, expected: String) { #expect(Files.parent(of: path) == expected) }
}

@Suite struct ProcTextTests {
  @Test(
    arguments: [
      (
        "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n",
        "/sys/fs/cgroup/unified"
      ),
      ("none /my\\040groups cgroup2 rw 0 0\n", "/my groups"),
      ("tmpfs /sys/fs/cgroup tmpfs rw 0 0\n", nil),
    ] as [(String, String?)])
  func mountPoint(mounts: String, expected: String?) { #expect(ControlGroup.mountPoint(inMounts: mounts) == expected) }

  @Test func startTimeIsCountedFromTheLastParenthesis() {
    let text = "12 (a ) (b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20"
    #expect(ProcessIdentity.startTime(inStat: text) == 4711)
    #expect(ProcessIdentity.startTime(inStat: "12 (a") == nil)
    #expect(ProcessIdentity.startTime(inStat: "12 (a) S 1") == nil)
  }
}
