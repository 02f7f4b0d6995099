internal import Glibc
internal import JSON
package import Linux

/// The lab's processes as the supervisor last wrote them down, so that its successor, `lab down` and people find them.
package struct ProcessTable: Hashable, Sendable {
  package struct Entry: Hashable, Sendable {
    package var identity: ProcessIdentity
    /// How often it was started again.
    package var restarts: Int

    package init(identity: ProcessIdentity, restarts: Int = 0) {
      self.identity = identity
      self.restarts = restarts
    }
  }

  package var supervisor: ProcessIdentity?
  /// By the name of the process.
  package var processes: [String: Entry] = [:]

  package init() {}

  /// Reads the table; nil where there is none or the file is damaged (what it says is found in other ways too).
  package init?(path: String) {
    guard let bytes = try? Files.read(path), let json = try? JSON(parsing: bytes) else { return nil }
    supervisor = Self.identity(json["supervisor"])
    for member in json["processes"].members {
      guard let identity = Self.identity(member.value) else { continue }
      processes[member.key] = Entry(identity: identity, restarts: member.value["restarts"].int ?? 0)
    }
  }

  /// Replaces the file in one step.
  package func write(_ path: String) throws(SystemError) {
    var entries = JSON.Object()
    for (name, entry) in processes.sorted(by: { $0.key < $1.key }) {
      var json = Self.json(entry.identity)
      json["restarts"] = .int(Int64(entry.restarts))
      entries[name] = json
    }
    var json: JSON = ["processes": .object(entries)]
    if let supervisor { json["supervisor"] = Self.json(supervisor) }
    try Files.write(path, json.bytes(), mode: 0o644)
  }

  private static func identity(_ json: JSON) -> ProcessIdentity? {
    guard let pid = json["pid"].int, let start = json["start"].int else { return nil }
    return ProcessIdentity(pid: pid_t(pid), startTime: UInt64(start))
  }

  private static func json(_ identity: ProcessIdentity) -> JSON {
    ["pid": .int(Int64(identity.pid)), "start": .int(Int64(identity.startTime))]
  }
}
