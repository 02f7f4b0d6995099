internal import CLinux
internal import Glibc

/// A group of the cgroup v2 hierarchy: all processes that were put in and all they started, none can leave.
package struct ControlGroup: Hashable, Sendable {
  /// The group's directory.
  package let path: String

  package init(path: String) { self.path = path }

  /// Where the cgroup2 file system is mounted: /sys/fs/cgroup, or a directory below it where version 1 is in use too.
  package static func mountPoint() throws(SystemError) -> String {
    guard let point = mountPoint(inMounts: try Files.readText("/proc/self/mounts")) else {
      throw SystemError("find a mounted cgroup2 file system in /proc/self/mounts", code: ENOENT)
    }
    return point
  }

  static func mountPoint(inMounts text: String) -> String? {
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      if fields.count > 2, fields[2] == "cgroup2" { return unescape(fields[1]) }
    }
    return nil
  }

  /// Space, tab, newline and backslash stand as three octal digits in /proc/self/mounts.
  private static func unescape(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), rest.count >= 3,
        let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
      {
        bytes.append(value)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Makes a group, or takes the one that exists; `name` is a path below the mount point.
  package static func create(_ name: String) throws(SystemError) -> ControlGroup {
    let group = ControlGroup(path: try mountPoint() + "/" + name)
    try Files.makeDirectories(group.path)
    return group
  }

  package var exists: Bool { Files.isDirectory(path) }

  /// Puts a process in, with all its threads; 0 is the caller.
  package func add(_ pid: CInt) throws(SystemError) {
    do {
      try FileDescriptor.open(path + "/cgroup.procs", O_WRONLY).writeAll(Array("\(pid)".utf8))
    } catch {
      throw SystemError("put process \(pid) into \(path)", code: error.code)
    }
  }

  /// The processes of this group and those below it.
  package func processes() throws(SystemError) -> [CInt] {
    var pids: [CInt] = []
    for group in try withDescendants() {
      do {
        pids += try Files.readText(group + "/cgroup.procs").split(separator: "\n").compactMap { CInt($0) }
      } catch  where error.code == ENOENT || error.code == ENODEV {
        continue  // removed meanwhile
      }
    }
    return pids
  }

  /// This group's directory and those below it, a group before what is in it.
  private func withDescendants() throws(SystemError) -> [String] {
    var found: [String] = [path]
    var index = 0
    while index < found.count {
      let names: [String]
      do { names = try Files.list(found[index]) } catch  where error.code == ENOENT { names = [] }
      for name in names where Files.isDirectory("\(found[index])/\(name)") { found.append("\(found[index])/\(name)") }
      index += 1
    }
    return found
  }

  /// Kills everything in this group and below, and waits until it is empty. Nobody escapes by forking: cgroup.kill
  /// (Linux 5.14) is one step, and without it we kill until none is left. False when some still live after `timeout`
  /// seconds.
  @discardableResult
  package func kill(timeout: Double = 10) throws(SystemError) -> Bool {
    guard exists else { return true }
    let deadline = Time.monotonicSeconds + timeout
    while true {
      do {
        try FileDescriptor.open(path + "/cgroup.kill", O_WRONLY).writeAll(Array("1".utf8))
      } catch  where error.code == ENOENT {
        for pid in try processes() { Glibc.kill(pid, SIGKILL) }
      }
      if !isPopulated { return true }
      let left = deadline - Time.monotonicSeconds
      if left <= 0 { return false }
      waitForChange(timeout: min(left, 0.1))
    }
  }

  /// Any process lives in it or below (cgroup.events).
  package var isPopulated: Bool {
    (try? Files.readText(path + "/cgroup.events"))?.split(separator: "\n").contains("populated 1") ?? false
  }

  /// cgroup.events raises POLLPRI when it changes.
  private func waitForChange(timeout: Double) {
    guard let file = try? FileDescriptor.open(path + "/cgroup.events"), (try? file.readAll()) != nil else { return }
    var entry = pollfd(fd: file.raw, events: Int16(POLLPRI), revents: 0)
    poll(&entry, 1, CInt(timeout * 1000))
  }

  /// Removes the group and those below it; there being none is success. They must hold no process.
  package func remove() throws(SystemError) {
    guard exists else { return }
    for group in try withDescendants().reversed() where rmdir(group) != 0 && errno != ENOENT {
      throw SystemError("remove control group \(group)")
    }
  }
}
