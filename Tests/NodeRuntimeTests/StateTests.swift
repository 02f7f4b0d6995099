import JSON
import Kubernetes
import Linux
import Testing

@testable import Lab

@Suite struct RestartBackoffTests {
  @Test(arguments: zip(0..<8, [0, 10, 20, 40, 80, 160, 300, 300] as [Double]))
  func delays(restarts: Int, delay: Double) {
    #expect(RestartBackoff().delay(earlierRestarts: restarts) == delay)
  }

  @Test func delaysNeverOverflow() { #expect(RestartBackoff().delay(earlierRestarts: .max) == 300) }

  @Test(arguments: [(1.0, 4), (599, 4), (600, 0), (100_000, 0)])
  func longRunsAreForgiven(ran: Double, restarts: Int) {
    #expect(RestartBackoff().restarts(after: ran, earlierRestarts: 4) == restarts)
  }

  @Test(arguments: [
    (RestartPolicy.always, 0, true), (.always, 1, true), (.onFailure, 0, false), (.onFailure, 1, true),
    (.never, 0, false), (.never, 1, false),
  ])
  func policies(policy: RestartPolicy, code: Int, restarts: Bool) {
    #expect(policy.restarts(exitCode: code) == restarts)
  }
}

@Suite struct ProbeStateTests {
  /// Results as + and -, and what counts after each: + - or ? before any threshold.
  @Test(
    arguments: [
      (1, 3, nil, "+", "+"), (1, 3, nil, "---", "??-"), (1, 3, nil, "--+", "??+"),
      (1, 3, nil, "+--+---", "+++++" + "+-"),
      (2, 1, nil, "++", "?+"), (2, 1, nil, "+-+++", "?--++"), (1, 3, true, "---", "++-"), (1, 1, true, "-+", "-+"),
    ] as [(Int, Int, Bool?, String, String)])
  func thresholds(success: Int, failure: Int, initial: Bool?, results: String, expected: String) {
    let json: JSON = [
      "tcpSocket": ["port": 1], "successThreshold": .int(Int64(success)), "failureThreshold": .int(Int64(failure)),
    ]
    var state = ProbeState(ProbeManifest(json, .readiness, ContainerManifest([:])), initial: initial)
    var seen = ""
    var before = state.isSuccessful
    for result in results {
      let isChange = state.record(result == "+")
      #expect(isChange == (state.isSuccessful != before))
      before = state.isSuccessful
      seen += state.isSuccessful.map { $0 ? "+" : "-" } ?? "?"
    }
    #expect(seen == expected)
  }
}

@Suite struct PodStatusTests {
  static let start = Timestamp(seconds: 1_000_000_000)
  static let identity = ProcessIdentity(pid: 7, startTime: 8)

  static func termination(_ code: Int) -> ContainerRecord.Termination {
    ContainerRecord.Termination(
      exitCode: code, signal: nil, reason: code == 0 ? "Completed" : "Error", message: nil, startedAt: start,
      finishedAt: start.adding(seconds: 5), containerID: "ab")
  }

  static func record(_ letter: Character) -> ContainerRecord {
    var record = ContainerRecord()
    record.containerID = "cd"
    switch letter {
    case "w": record.state = .waiting("ContainerCreating", nil)
    case "r", "R":
      record.state = .running(identity, since: start)
      record.isStarted = true
      record.isReady = letter == "R"
    case "0": record.state = .terminated(termination(0))
    case "1": record.state = .terminated(termination(1))
    default:
      record.state = .waiting("CrashLoopBackOff", "back-off")
      record.last = termination(1)
    }
    return record
  }

  /// A pod with a container for each letter: waiting, running, Ready, ended with 0 or 1, b for CrashLoopBackOff.
  static func compiler(_ letters: String, _ policy: String = "Always", isDeleted: Bool = false, spec: JSON = [:])
    -> PodStatusCompiler
  {
    var manifest: JSON = ["metadata": ["name": "p", "namespace": "n", "uid": "u"], "spec": spec]
    manifest["spec", "restartPolicy"] = .string(policy)
    manifest["spec", "containers"] = .array(
      letters.indices.map { ["name": .string("\(letters.distance(from: letters.startIndex, to: $0))")] })
    if isDeleted { manifest["metadata", "deletionTimestamp"] = "2026-01-01T00:00:00Z" }
    var record = PodRecord(manifest, startTime: start)
    for (index, letter) in letters.enumerated() { record.containers["\(index)"] = Self.record(letter) }
    record.sandbox = PodRecord.Sandbox(id: "ef", isReady: true)
    record.sandbox?.result = ["ips": [["address": "10.244.1.2/32"]]]
    return PodStatusCompiler(
      pod: PodManifest(manifest), record: record, hostAddresses: ["192.168.77.11"], now: start.adding(seconds: 60))
  }

  @Test(arguments: [
    ("w", "Always", "Pending"), ("rw", "Always", "Pending"), ("r", "Always", "Running"), ("rb", "Always", "Running"),
    ("b", "Always", "Running"), ("0", "Always", "Running"), ("0", "Never", "Succeeded"),
    ("00", "OnFailure", "Succeeded"),
    ("01", "Never", "Failed"), ("1", "Never", "Failed"), ("1", "OnFailure", "Running"), ("0r", "Never", "Running"),
    ("w0", "Never", "Pending"),
  ])
  func phases(letters: String, policy: String, phase: String) { #expect(Self.compiler(letters, policy).phase == phase) }

  private func conditions(_ status: JSON) -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: status["conditions"].elements.map {
        ($0["type"].string ?? "", "\($0["status"].string ?? "")/\($0["reason"].string ?? "")")
      })
  }

  @Test(arguments: [
    ("RR", "Always", false, "True/", "True/"),
    ("Rr", "Always", false, "False/ContainersNotReady", "False/ContainersNotReady"),
    // A pod that ends but still answers is ready, as on any node: its endpoint is serving and terminating.
    ("R", "Always", true, "True/", "True/"),
    ("r", "Always", true, "False/ContainersNotReady", "False/ContainersNotReady"),
    ("0", "Never", false, "False/PodCompleted", "False/PodCompleted"),
  ])
  func readiness(letters: String, policy: String, isDeleted: Bool, ready: String, containersReady: String) {
    let status = Self.compiler(letters, policy, isDeleted: isDeleted).compile(previous: .null)
    #expect(conditions(status)["Ready"] == ready)
    #expect(conditions(status)["ContainersReady"] == containersReady)
    #expect(status["containerStatuses"][0]["ready"].bool == (ready == "True/" || letters == "Rr"))
  }

  @Test func gatesAndForeignConditionsCount() {
    let gated: JSON = ["readinessGates": [["conditionType": "example.com/lb"]]]
    let compiler = Self.compiler("R", spec: gated)
    #expect(conditions(compiler.compile(previous: .null))["Ready"] == "False/ReadinessGatesNotReady")
    let foreign: JSON = ["type": "example.com/lb", "status": "True"]
    let status = compiler.compile(previous: ["conditions": [foreign]])
    #expect(conditions(status)["Ready"] == "True/")
    #expect(status["conditions"].elements.last == foreign)
  }

  @Test func transitionTimesStayWhileNothingChanges() {
    let compiler = Self.compiler("R")
    var previous = compiler.compile(previous: .null)
    previous["conditions"] = .array(
      previous["conditions"].elements.map {
        var condition = $0
        condition["lastTransitionTime"] = "2001-01-01T00:00:00Z"
        return condition
      })
    let next = compiler.compile(previous: previous)
    #expect(next["conditions"].elements.allSatisfy { $0["lastTransitionTime"] == "2001-01-01T00:00:00Z" })
    #expect(PodStatusCompiler.patch(from: previous, to: next, uid: "u") == nil)
    let unready = Self.compiler("r").compile(previous: previous)
    let patch = PodStatusCompiler.patch(from: previous, to: unready, uid: "u")
    #expect(patch?["metadata", "uid"] == "u")
    #expect(patch?["status", "conditions"].elements.compactMap { $0["type"].string } == ["Ready", "ContainersReady"])
    #expect(patch?["status", "phase"].isNull == true)
  }

  @Test func lostAddressesAreTakenAway() {
    let before = Self.compiler("R").compile(previous: .null)
    var after = before
    after["podIP"] = "10.244.1.3"
    after["podIPs"] = [["ip": "10.244.1.3"]]
    #expect(
      PodStatusCompiler.patch(from: before, to: after, uid: "u")?["status", "podIPs"]
        == [["ip": "10.244.1.3"], ["$patch": "delete", "ip": "10.244.1.2"]])
    after["podIP"] = .null
    after["podIPs"] = .null
    let patch = PodStatusCompiler.patch(from: before, to: after, uid: "u")
    #expect(patch?["status"].object?["podIP"] == .some(.null))
  }

  @Test func containerStatesAreShown() {
    let statuses = Self.compiler("wR1b").compile(previous: .null)["containerStatuses"].elements
    #expect(statuses[0]["state", "waiting", "reason"] == "ContainerCreating")
    #expect(statuses[1]["state", "running", "startedAt"] == "2001-09-09T01:46:40Z")
    #expect(statuses[1]["started"] == true)
    #expect(statuses[2]["state", "terminated", "exitCode"] == 1)
    #expect(statuses[3]["state", "waiting", "reason"] == "CrashLoopBackOff")
    #expect(statuses[3]["lastState", "terminated", "finishedAt"] == "2001-09-09T01:46:45Z")
  }

  @Test(arguments: [
    (#"{}"#, "BestEffort"), (#"{"requests": {"cpu": "1"}}"#, "Burstable"),
    (#"{"limits": {"cpu": "1", "memory": "1Gi"}}"#, "Guaranteed"), (#"{"limits": {"cpu": "1"}}"#, "Burstable"),
    (#"{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1024Mi"}}"#, "Guaranteed"),
    (#"{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}"#, "Burstable"),
  ])
  func qualityOfService(resources: String, expected: String) {
    let pod = PodManifest(["spec": ["containers": [["name": "c", "resources": json(resources)]]]])
    #expect(pod.qualityOfService == expected)
  }
}

@Suite struct PodRecordTests {
  @Test func recordsSurviveTheDisk() throws {
    var record = PodStatusTests.compiler("wR1b").record
    record.sandbox?.process = PodStatusTests.identity
    record.sandbox?.network = ["name": "swiftlet"]
    record.sandboxCount = 3
    record.detachments = [PodRecord.Sandbox(id: "old", network: ["name": "x"])]
    record.initCompletedAt = PodStatusTests.start
    record.terminatingSince = PodStatusTests.start
    record.told = ["volumes", "a/b"]
    record.containers["s"] = ContainerRecord(state: .starting)
    record.containers["1"]?.restartCount = 4
    record.containers["1"]?.backoffCount = 2
    #expect(PodRecord(try JSON(parsing: record.json.bytes())) == record)
    #expect(PodRecord(["startTime": 1]) == nil)
  }

  @Test(
    arguments: [
      ("HTTP/1.1 200 OK\r\n", 200), ("HTTP/1.0 404 Not", 404), ("HTTP/1.1 20", nil), ("SSH-2.0-OpenSSH_9", nil),
      ("HTTP/1.1 abc ", nil),
    ] as [(String, Int?)])
  func probeStatusLines(text: String, status: Int?) { #expect(ProbeAttempt.status(Array(text.utf8)) == status) }

  @Test func logsAreCutInPlace() throws {
    let path = "/tmp/swt-runtime-log-\(SystemRandomNumberGenerator.random())"
    defer {
      try? Files.remove(path)
      try? Files.remove("\(path).1")
    }
    let writer = try FileDescriptor.open(path, 0o2101)  // O_WRONLY | O_CREAT | O_APPEND
    try writer.writeAll([UInt8](repeating: 0x61, count: 1000) + [0x0A])
    let keeper = LogKeeper(stateDirectory: "", maximumSize: 500)
    try keeper.cut(path)
    #expect(try Files.read("\(path).1").count == 500)
    try writer.writeAll(Array("new\n".utf8))
    #expect(try Files.readText(path) == "new\n")
    try keeper.cut(path)
    #expect(try Files.readText(path) == "new\n")
  }
}

extension SystemRandomNumberGenerator {
  fileprivate static func random() -> UInt64 {
    var generator = SystemRandomNumberGenerator()
    return generator.next()
  }
}
