import Glibc
import Linux
import Testing

@Suite struct ChildProcessTests {
  @Test(arguments: [
    (["true"], ChildProcess.Status.exited(0)),
    (["sh", "-c", "exit 7"], .exited(7)),
    (["sh", "-c", "kill -9 $$"], .signaled(9)),
  ])
  func endsAsTheProgramDid(argv: [String], expected: ChildProcess.Status) throws {
    let child = try ChildProcess(argv)
    #expect(child.wait() == expected)
    #expect(child.wait() == expected)
    #expect(child.signal(SIGTERM) == false)
  }

  @Test func waitTimesOutAndStopKills() throws {
    let child = try ChildProcess(["sh", "-c", "trap '' TERM; sleep 100 & wait; sleep 100"], newSession: true)
    #expect(child.wait(timeout: 0.05) == nil)
    child.signal(SIGSTOP)
    #expect(child.stop(grace: 0.05) == .signaled(SIGKILL))
    kill(-child.pid, SIGKILL)
  }

  @Test func captures() throws {
    let result = try ChildProcess.run(
      ["sh", "-c", "cat; echo $A >&2; exit 3"], input: Array("hello".utf8), environment: ["A": "b", "PATH": "/bin"])
    #expect(result.status == .exited(3))
    #expect(result.output == "hello")
    #expect(result.errorOutput == "b\n")
    #expect(!result.timedOut && !result.truncated)
  }

  @Test func capturesMuchAndBounds() throws {
    let all = try ChildProcess.run(["sh", "-c", "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2"])
    #expect(all.standardOutput.count == 3_000_000)
    #expect(all.standardError.count == 3_000_000)
    let some = try ChildProcess.run(["head", "-c", "3000000", "/dev/zero"], limit: 1000)
    #expect(some.standardOutput.count == 1000)
    #expect(some.truncated)
    #expect(some.status.isSuccess)
  }

  @Test func timesOut() throws {
    let result = try ChildProcess.run(["sleep", "1000"], timeout: 0.1)
    #expect(result.timedOut)
    #expect(result.status == .signaled(SIGKILL))
  }

  @Test func returnsThoughAGrandchildHoldsTheStreams() throws {
    let result = try ChildProcess.run(["sh", "-c", "sleep 1000 & echo $!"], timeout: 30)
    #expect(!result.timedOut)
    let grandchild = try #require(CInt(result.output.split(separator: "\n").first ?? ""))
    #expect(kill(grandchild, SIGKILL) == 0)
  }

  @Test func missingProgramIsAnError() {
    #expect(throws: SystemError.self) { _ = try ChildProcess(["/no/such/program"]) }
  }

  @Test func onlyTheNamedDescriptorsAreOpen() throws {
    let extra = try FileDescriptor.open("/etc/hostname")
    let child = try ChildProcess(["sleep", "1000"], standardOutput: .null, extraDescriptors: [extra.raw])
    defer { child.stop(grace: 0) }
    // posix_spawn returns after exec, so what was close-on-exec is gone.
    let open = try Files.list("/proc/\(child.pid)/fd")
    #expect(open == ["0", "1", "2", "3"])
  }

  @Test func signalMaskOfTheChildIsEmpty() throws {
    Signals.block([SIGUSR2])
    let result = try ChildProcess.run(["grep", "SigBlk", "/proc/self/status"])
    #expect(result.output == "SigBlk:\t0000000000000000\n")
  }

  @Test func handleHoldsTheProcessItMeans() throws {
    let child = try ChildProcess(["sleep", "1000"])
    let identity = try #require(ProcessIdentity(pid: child.pid))
    let handle = try #require(ProcessHandle(identity))
    #expect(!handle.hasEnded)
    // The same number with another start is another process.
    #expect(ProcessHandle(ProcessIdentity(pid: child.pid, startTime: identity.startTime + 1)) == nil)
    #expect(handle.signal(SIGKILL))
    #expect(handle.wait(timeout: 30))
    child.wait()
    #expect(ProcessHandle(identity) == nil)
    #expect(handle.signal(SIGKILL) == false)
  }
}
