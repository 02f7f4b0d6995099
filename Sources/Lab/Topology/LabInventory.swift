internal import CLinux
internal import Glibc
package import Linux

/// What is on the machine under a lab's names, found without its help: a crashed lab is found as well as a running one.
package struct LabInventory: Sendable {
  package let site: LabSite
  /// Paths of our network namespaces.
  package let namespaces: [String]
  /// Processes in our control group.
  package let processes: [Int32]
  package let hasControlGroup: Bool
  package let hasFolder: Bool
  /// The supervisor, if it lives.
  package let supervisor: ProcessIdentity?

  package init(_ site: LabSite) throws {
    self.site = site
    let names = Files.isDirectory(site.namespaceFolder) ? try Files.list(site.namespaceFolder) : []
    namespaces = names.filter { $0.hasPrefix(site.namespacePrefix) }.map { "\(site.namespaceFolder)/\($0)" }
    if let group = Self.group(site), group.exists {
      hasControlGroup = true
      processes = try group.processes()
    } else {
      hasControlGroup = false
      processes = []
    }
    hasFolder = Files.exists(site.root)
    let written = ProcessTable(path: site.processesFile)?.supervisor
    supervisor = written.flatMap { ProcessHandle($0) }?.identity
  }

  /// There is nothing of a lab on this machine.
  package var isEmpty: Bool { namespaces.isEmpty && !hasControlGroup && !hasFolder }
  /// A lab runs; false for the remains of one.
  package var isRunning: Bool { supervisor != nil }

  /// The control group of the lab, whether it exists or not; nil where cgroup2 is not mounted.
  package static func group(_ site: LabSite) -> ControlGroup? {
    (try? ControlGroup.mountPoint()).map { ControlGroup(path: "\($0)/\(site.controlGroup)") }
  }

  /// The part of the lab's control group that holds all processes of a node: its agent, its runtime and all its pods.
  package static func group(_ site: LabSite, node: String) -> ControlGroup? {
    group(site).map { ControlGroup(path: "\($0.path)/nodes/\(node)") }
  }
}
