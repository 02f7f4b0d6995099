import Addressing
import Glibc
import JSON
import Linux
import Testing

@testable import PodNetwork

/// The built plugin on a broken ground: killed between any two steps, a full disk, a read-only folder, and what others
/// left in it.
@Suite(.serialized) struct LeaseFaultKernelTests {
  private let node: TestNode
  private var store: LeaseStore { LeaseStore(dataDirectory: node.directory, network: "swiftlet") }

  init() throws {
    // Debian's strace is what kills at a step; without it nothing here can fail.
    node = try TestNode(["10.244.1.0/24", "fd00:1::/64"])
  }

  private func environment(_ id: String, _ pod: TestNode.Pod) -> [String: String] {
    pod.environment.merging(["CNI_CONTAINERID": id, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]) { $1 }
  }

  /// Calls the plugin through strace, which kills it when it is about to make a system call the n-th time. True if it got
  /// so far.
  private func kill(_ command: String, _ id: String, _ pod: TestNode.Pod, at call: String, _ number: Int) throws -> Bool
  {
    let variables = environment(id, pod).merging(["CNI_COMMAND": command]) { $1 }
    let result = try ChildProcess.run(
      [
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
        "inject=\(call):signal=KILL:when=\(number)", try TestNode.plugin(),
      ], input: node.configuration.request().bytes(), environment: variables, namespace: node.namespace, timeout: 60)
    if result.status.isSuccess { return false }
    try #require(result.status.shellCode == 128 + SIGKILL, "\(result.output) \(result.errorOutput)")
    return true
  }

  private static let steps = [
    "symlink", "openat", "write", "linkat", "ftruncate", "rename", "readlink", "close", "sendto", "clone3",
  ]

  @Test(arguments: steps)
  func anAddThatIsKilledLeavesAllOrNothing(step: String) throws {
    let pod = try node.pod("pod")
    let other = try node.pod("other")
    // Some systems have no record of a boot yet, some have.
    for number in 1... {
      let id = "killed-\(step)-\(number)"
      guard try kill("ADD", id, pod, at: step, number) else {
        #expect(try node.call("DEL", environment(id, pod)).status == 0)
        break
      }
      #expect(try store.files().allSatisfy { $0.holder != nil }, "\(step) \(number): a file that is half")
      let (status, output) = try node.call("ADD", environment("next", other))
      #expect(status == 0, "\(step) \(number): \(output)")
      let held = try store.leases()
      let killed = held.filter { $0.holder.containerID == id }
      #expect(killed.isEmpty || killed.count == 2, "\(step) \(number): \(killed)")
      #expect(held.count - killed.count == 2)
      #expect(try killed.isEmpty || store.record(of: killed[0].holder) != nil)
      // The runtime saw the plugin die and calls DEL.
      #expect(try node.call("DEL", environment(id, pod)).status == 0)
      #expect(try store.leases().allSatisfy { $0.holder.containerID == "next" })
      #expect(try node.call("DEL", environment("next", other), previousResult: output).status == 0)
      #expect(try store.files().isEmpty && store.records().isEmpty, "\(step) \(number)")
      #expect(try node.json("ip -j link show type veth").elements.isEmpty, "\(step) \(number)")
    }
  }

  @Test(arguments: ["unlink", "openat", "sendto", "readlink", "write"])
  func aDeleteThatIsKilledIsFinishedByTheNext(step: String) throws {
    let pod = try node.pod("pod")
    for number in 1... {
      let id = "killed-\(step)-\(number)"
      try #require(try node.call("ADD", environment(id, pod)).status == 0)
      let isKilled = try kill("DEL", id, pod, at: step, number)
      if isKilled { #expect(try node.call("DEL", environment(id, pod)).status == 0) }
      #expect(try store.files().isEmpty && store.records().isEmpty, "\(step) \(number)")
      #expect(try node.json("ip -j link show type veth").elements.isEmpty, "\(step) \(number)")
      if !isKilled { break }
    }
  }

  /// Calls of the lease store that fail, each at each time it is made, and whether ADD can do without.
  static let failures: [(call: String, error: String, isBorne: Bool)] = [
    ("linkat", "EPERM", true), ("linkat", "EOPNOTSUPP", true), ("linkat", "ENOSPC", false), ("linkat", "EIO", false),
    ("symlink", "ENOSPC", false), ("rename", "EDQUOT", false), ("ftruncate", "EIO", false), ("flock", "ENOLCK", false),
    ("rename", "ENAMETOOLONG", true),
  ]

  @Test(arguments: failures.indices)
  func aCallThatFailsLeasesAllOrNothing(index: Int) throws {
    let failure = Self.failures[index]
    let pod = try node.pod("pod")
    // The marks of a first call are there.
    #expect(try node.call("DEL", environment("pod", pod)).status == 0)
    _ = try node.call("ADD", environment("first", pod))
    #expect(try node.call("DEL", environment("first", pod)).status == 0)
    var failed = 0
    for number in 1...4 {
      let variables = environment("pod", pod).merging(["CNI_COMMAND": "ADD"]) { $1 }
      let result = try ChildProcess.run(
        [
          "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(failure.call)", "-e",
          "inject=\(failure.call):error=\(failure.error):when=\(number)", try TestNode.plugin(),
        ], input: node.configuration.request().bytes(), environment: variables, namespace: node.namespace, timeout: 60)
      if result.status.isSuccess {
        #expect(try store.leases().count == 2)
        #expect(try store.leases().allSatisfy { $0.holder == .init(containerID: "pod", interfaceName: "eth0") })
      } else {
        failed += 1
        let answer = try JSON(parsing: result.standardOutput)
        #expect(
          answer["code"] == 5 && answer["msg"].string?.contains("the lease folder \(store.directory)") == true,
          "\(answer)")
        #expect(try store.files().isEmpty && store.index.interrupted() == nil && store.records().isEmpty)
      }
      #expect(try node.call("DEL", environment("pod", pod)).status == 0)
      #expect(try store.files().isEmpty)
    }
    #expect(failure.isBorne == (failed == 0), "\(failed) failures")
  }

  /// Runs a script in a mount namespace of its own, with the plugin as `$PLUGIN`, its input in `$INPUT` and the lease
  /// folder in `$LEASES`; what it wrote.
  private func script(_ text: String, _ pod: TestNode.Pod) throws -> String {
    let input = "\(node.directory)/input.json"
    try Files.write(input, node.configuration.request().bytes())
    try Files.makeDirectories(store.directory)
    let variables = environment("full", pod).merging(
      ["PLUGIN": try TestNode.plugin(), "INPUT": input, "LEASES": store.directory]) { $1 }
    let call = "call() { CNI_COMMAND=$1 $PLUGIN <$INPUT; echo \" status $?\"; }\n"
    let result = try ChildProcess.run(
      ["unshare", "-m", "sh", "-c", "mount --make-rprivate /\n" + call + text], environment: variables,
      namespace: node.namespace, timeout: 60)
    #expect(result.errorOutput.isEmpty, "\(result.errorOutput)")
    return result.output
  }

  @Test func aDiskWithoutInodesLeasesAllOrNothing() throws {
    let pod = try node.pod("pod")
    var failures = 0
    for inodes in 2..<14 {
      let output = try script(
        """
        mount -t tmpfs -o size=1m,nr_inodes=\(inodes) none $LEASES
        call ADD
        cd $LEASES && find . -name '*.*.*.*' -o -name 'fd*' -o -name pending -o -name '*:eth0'
        CNI_CONTAINERID=another call DEL
        call DEL
        find . -name '*.*.*.*' -o -name 'fd*' -o -name pending -o -name '*:eth0'
        """, pod)
      let lines = output.split(separator: "\n").map(String.init)
      try #require(lines.count >= 3, "\(output)")
      if lines[0].hasSuffix(" status 0") {
        #expect(lines.count == 6, "\(inodes): \(output)")
      } else {
        failures += 1
        #expect(lines[0].contains("\"code\":5") && lines[0].contains("is full: free space or inodes"), "\(output)")
        #expect(lines.count == 3, "\(inodes): \(output)")
      }
      // Where not even the lock fits, there is nothing to release either, and it cannot be known.
      if inodes > 2 { #expect(lines.suffix(2) == [" status 0", " status 0"], "\(inodes): \(output)") }
    }
    #expect((1..<12).contains(failures))
  }

  @Test func aFullDiskKeepsWhatIsLeasedAndLetsItGo() throws {
    let pod = try node.pod("pod")
    let second = try node.pod("second")
    let output = try script(
      """
      mount -t tmpfs -o size=64k none $LEASES
      CNI_CONTAINERID=first call ADD >/dev/null
      head -c 1000000 /dev/zero >$LEASES/fill 2>/dev/null
      CNI_NETNS=\(second.path) call ADD
      ls $LEASES | grep -v fill | tr '\\n' ' '
      CNI_CONTAINERID=first call DEL
      ls $LEASES | grep -v fill | tr '\\n' ' '
      """, pod)
    #expect(
      output.contains("the file system of the lease folder \(store.directory) is full: free space or inodes there"),
      "\(output)")
    #expect(
      output.contains(" status 1\n10.244.1.2 fd00:1::2 last_reserved_ip.0 last_reserved_ip.1 lock  status 0\n"),
      "\(output)")
    #expect(output.hasSuffix("last_reserved_ip.0 last_reserved_ip.1 lock "), "\(output)")
  }

  @Test func aReadOnlyFolderIsNamedAndNothingIsLost() throws {
    let pod = try node.pod("pod")
    let result = try node.add(pod)
    let output = try script(
      """
      mount --bind $LEASES $LEASES && mount -o remount,ro,bind $LEASES
      call ADD
      CNI_CONTAINERID=pod call DEL
      call STATUS
      """, try node.pod("other"))
    let lines = output.split(separator: "\n")
    #expect(lines.count == 3)
    for line in lines {
      #expect(line.contains("the lease folder \(store.directory) is on a read-only file system: mount it writable"))
      #expect(line.hasSuffix("status 1"))
    }
    #expect(try store.leases().count == 2)
    #expect(try node.call("DEL", pod.environment, previousResult: result).status == 0)
    #expect(try store.leases().isEmpty)
  }

  @Test func whatOthersPutIntoTheFolderIsPassedOver() throws {
    let folder = store.directory
    try Files.makeDirectories("\(folder)/10.244.1.2")
    try Files.write("\(folder)/10.244.1.3", "reserved for the printer")
    try Files.write("\(folder)/10.244.1.4", "")
    #expect(symlink("/nowhere", "\(folder)/10.244.1.5") == 0)
    #expect(mkfifo("\(folder)/10.244.1.6", 0o600) == 0)
    try Files.write("\(folder)/10.244.1.7", [UInt8](repeating: 0xFF, count: 5000))
    try Files.write("\(folder)/last_reserved_ip.0", "garbage")
    try Files.write("\(folder)/README", "leases")
    let before = try Files.list(folder)
    let pod = try node.pod("pod")
    let result = try node.add(pod)
    #expect(address(result) == "10.244.1.8")
    #expect(try node.call("DEL", pod.environment).status == 0)
    #expect(try Set(before).isSubset(of: Set(Files.list(folder))))
  }

  static let obstacles: [(name: String, isDirectory: Bool)] = [
    ("lock", true), ("last_reserved_ip.0", true), (".swiftlet", false), (".swiftlet/pending", true),
  ]

  @Test(arguments: obstacles.indices)
  func whatIsInTheWayIsNamed(index: Int) throws {
    let obstacle = Self.obstacles[index]
    let path = "\(store.directory)/\(obstacle.name)"
    try Files.makeDirectories(obstacle.isDirectory ? path : store.directory)
    if !obstacle.isDirectory { try Files.write(path, "x") }
    let (status, output) = try node.call("ADD", try node.pod("pod").environment)
    #expect(status == 1 && output["code"] == 5)
    #expect(
      output["msg"].string?.contains("something in the lease folder \(store.directory) is not what belongs there")
        == true)
    #expect(output["details"].string?.contains(obstacle.name) == true, "\(output)")
    #expect(try store.files().isEmpty)
    try Files.removeTree(path)
    #expect(try node.call("ADD", try node.pod("pod").environment).status == 0)
  }

  @Test func aLockThatIsHeldForeverNamesItsHolder() throws {
    let holder = try LeaseLock.take(store.directory)
    let error = #expect(throws: CNIError.self) { _ = try LeaseLock.take(store.directory, patience: 0.05) }
    #expect(error?.code == .tryAgain)
    #expect(error?.message.contains("process \(getpid()) (") == true, "\(error?.message ?? "")")
    withExtendedLifetime(holder) {}
  }

  /// Processes that come and are killed at any moment: each address has one owner, and in the end none.
  @Test func manyAtOnceAndKilledGiveEachAddressOnce() throws {
    let pods = try (0..<24).map { try node.pod("pod-\($0)") }
    let plugin = try TestNode.plugin()
    let input = node.configuration.request().bytes()
    let namespace = node.namespace
    var generator = SystemRandomNumberGenerator()
    let threads = pods.map { pod in
      let milliseconds = Int.random(in: 1...40, using: &generator)
      let variables = environment(pod.id, pod).merging(["CNI_COMMAND": "ADD"]) { $1 }
      let isKilled = Bool.random(using: &generator)
      let argv =
        (isKilled ? ["timeout", "-s", "KILL", "0.0\(milliseconds < 10 ? "0" : "")\(milliseconds)"] : []) + [plugin]
      return Linux.Thread("add") {
        _ = try? ChildProcess.run(argv, input: input, environment: variables, namespace: namespace)
      }
    }
    for thread in threads { thread.join() }
    try store.settle()
    let leases = Dictionary(grouping: try store.leases(), by: \.holder)
    #expect(leases.values.allSatisfy { Set($0.map(\.address.family)).count == 2 && $0.count == 2 }, "\(leases)")
    #expect(try Set(store.records().map(\.attachment)) == Set(leases.keys))
    for pod in pods { #expect(try node.call("DEL", pod.environment).status == 0) }
    #expect(try store.files().isEmpty && store.records().isEmpty)
  }
}
