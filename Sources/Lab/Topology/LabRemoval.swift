internal import CLinux
internal import Glibc
internal import Linux

/// Removes all of a lab, running, crashed or half made, and tells what it removed. It goes by names, the control group and
/// the mount table, and trusts no file of the lab; doing it twice does nothing the second time.
package enum LabRemoval {
  /// A file that says that the mount of the namespace folder is ours.
  static func folderMark(_ site: LabSite) -> String { "\(site.root)/netns-mount" }

  /// What was removed, a line each; empty if there was nothing.
  package static func run(_ site: LabSite) throws -> [String] {
    let inventory = try LabInventory(site)
    var removed: [String] = []

    // Processes first: they hold pods' namespaces, mounts and sockets, and would start one another again.
    if let group = LabInventory.group(site), group.exists {
      let count = inventory.processes.count
      guard try group.kill() else {
        let left = try group.processes().map(String.init).joined(separator: ", ")
        throw LabError(
          "processes of the lab cannot be ended: \(left)",
          remedy: "see what they wait for in /proc/PID/stack, then run `swiftlet lab down` again")
      }
      if count > 0 { removed.append("\(count) process\(count == 1 ? "" : "es")") }
      try removeGroup(group)
      removed.append("control group \(group.path)")
    }
    for path in inventory.namespaces {
      try NetworkNamespace.remove(path: path)
      removed.append("network namespace \(path)")
    }
    for path in try mounts(below: site.root).reversed() {
      try check("unmount \(path)") { umount2(path, CInt(MNT_DETACH)) }
      removed.append("mount \(path)")
    }
    if Files.exists(folderMark(site)), try NamespaceFolder.removeIfEmpty(site.namespaceFolder) {
      removed.append("mount \(site.namespaceFolder)")
    }
    if Files.exists(site.root) {
      try Files.removeTree(site.root)
      rmdir(Files.parent(of: site.root))
      removed.append("folder \(site.root)")
    }
    return removed
  }

  /// The kernel lets go of a group a moment after its last process ended.
  private static func removeGroup(_ group: ControlGroup) throws {
    let deadline = Time.monotonicSeconds + 5
    while true {
      do {
        try group.remove()
        return
      } catch {
        guard error.code == EBUSY, Time.monotonicSeconds < deadline else { throw error }
        usleep(10_000)
      }
    }
  }

  /// Mount points below a folder, those above before those inside them.
  private static func mounts(below folder: String) throws -> [String] {
    try Files.readText("/proc/self/mountinfo").split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ")
      guard fields.count > 4 else { return nil }
      let point = String(fields[4])
      return point == folder || point.hasPrefix(folder + "/") ? point : nil
    }.sorted()
  }
}
