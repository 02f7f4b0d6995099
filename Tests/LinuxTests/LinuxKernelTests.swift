import Glibc
import Linux
import Testing

@Suite(.serialized) struct LinuxKernelTests {
  @Test func childStartsInItsNamespace() throws {
    let namespace = try NetworkNamespace.create()
    let result = try ChildProcess.run(["ip", "-o", "link"], namespace: namespace)
    #expect(result.output.split(separator: "\n").count == 1)
    let ours = try ChildProcess.run(["readlink", "/proc/self/ns/net"])
    let theirs = try ChildProcess.run(["readlink", "/proc/self/ns/net"], namespace: namespace)
    #expect(ours.output != theirs.output)
  }

  @Test func sysctlOfANamespace() throws {
    let namespace = try NetworkNamespace.create()
    try Sysctl.write("net/ipv4/ip_forward", "1", in: namespace)
    #expect(try Sysctl.read("net/ipv4/ip_forward", in: namespace) == "1")
    let seen = try ChildProcess.run(["cat", "/proc/sys/net/ipv4/ip_forward"], namespace: namespace)
    #expect(seen.output == "1\n")
    #expect(throws: SystemError.self) { try Sysctl.write("net/ipv4/no_such", "1", in: namespace) }
  }

  @Test func controlGroupKillsAllThatForked() throws {
    let group = try ControlGroup.create("swt-podnet-test-\(getpid())")
    defer {
      _ = try? group.kill()
      try? group.remove()
    }
    let inner = try ControlGroup.create("swt-podnet-test-\(getpid())/inner")
    let sleeper = try ChildProcess(["sleep", "1000"])
    let second = try ChildProcess(["sleep", "1000"])
    try group.add(sleeper.pid)
    try inner.add(second.pid)
    #expect(try Set(group.processes()) == [sleeper.pid, second.pid])
    let forking = try ChildProcess([
      "sh", "-c", "until grep -q swt-podnet-test /proc/self/cgroup; do :; done; sleep 1000 & sleep 1000 & wait",
    ])
    try group.add(forking.pid)
    while try group.processes().count < 5 { usleep(1000) }
    #expect(group.isPopulated)
    #expect(try group.kill())
    #expect(forking.wait() == .signaled(SIGKILL))
    #expect(sleeper.wait() == .signaled(SIGKILL))
    #expect(second.wait() == .signaled(SIGKILL))
    try group.remove()
    try group.remove()
    #expect(!group.exists)
  }
}
