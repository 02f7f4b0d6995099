import ControlPlane
import JSON
import Testing

@Suite("Tables")
struct TableTests {
  static let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

  @Test(arguments: [
    (119, "119s"), (120, "2m"), (125, "2m5s"), (599, "9m59s"), (600, "10m"), (179 * 60, "179m"), (180 * 60, "3h"),
    (183 * 60, "3h3m"), (8 * 3600, "8h"), (47 * 3600, "47h"), (48 * 3600, "2d"), (50 * 3600, "2d2h"),
    (8 * 86400, "8d"), (729 * 86400, "729d"), (730 * 86400, "2y"), (0, "0s"), (-5, "<invalid>"),
  ])
  func ages(_ seconds: Int, _ text: String) {
    #expect(HumanDuration.text(seconds) == text)
  }

  /// A pod's status and its cells Ready, Status, Restarts.
  static let pods: [(JSON, [JSON])] = [
    (["phase": "Pending"], ["0/1", "Pending", "0"]),
    (
      ["phase": "Pending", "containerStatuses": [["state": ["waiting": ["reason": "ContainerCreating"]]]]],
      ["0/1", "ContainerCreating", "0"]
    ),
    (
      ["phase": "Running", "containerStatuses": [["ready": true, "restartCount": 2, "state": ["running": [:]]]]],
      ["1/1", "Running", "2"]
    ),
    (
      [
        "phase": "Running",
        "containerStatuses": [["restartCount": 3, "state": ["waiting": ["reason": "CrashLoopBackOff"]]]],
      ], ["0/1", "CrashLoopBackOff", "3"]
    ),
    (
      [
        "phase": "Succeeded", "containerStatuses": [["state": ["terminated": ["reason": "Completed", "exitCode": 0]]]],
      ],
      ["0/1", "Completed", "0"]
    ),
    (["phase": "Failed", "containerStatuses": [["state": ["terminated": ["signal": 9]]]]], ["0/1", "Signal:9", "0"]),
    (
      ["phase": "Failed", "containerStatuses": [["state": ["terminated": ["exitCode": 3]]]]],
      ["0/1", "ExitCode:3", "0"]
    ),
    (["phase": "Failed", "reason": "Evicted"], ["0/1", "Evicted", "0"]),
    (
      ["phase": "Pending", "initContainerStatuses": [["state": ["waiting": ["reason": "PodInitializing"]]]]],
      ["0/1", "Init:0/1", "0"]
    ),
    (
      ["phase": "Pending", "initContainerStatuses": [["state": ["terminated": ["exitCode": 3]]]]],
      ["0/1", "Init:ExitCode:3", "0"]
    ),
  ]

  @Test(arguments: pods.indices)
  func podStates(_ index: Int) throws {
    let (status, cells) = Self.pods[index]
    let api = try APIFixture()
    var pod = APIFixture.pod("a")
    pod["spec", "initContainers"] = [["name": "i", "image": "x"]]
    try api.create(APIFixture.pods, pod)
    try api.send("PATCH", APIFixture.pods + "/a/status", ["status": status], type: "application/merge-patch+json")
    let table = try api.send("GET", APIFixture.pods, accept: Self.accept).json
    #expect(Array(table["rows"][0]["cells"].elements[1...3]) == cells)
  }

  @Test func rowsCarryMetadataThatClientsRecognize() throws {
    let api = try APIFixture()
    try api.create(APIFixture.services, APIFixture.service("s"))
    let table = try api.send("GET", APIFixture.services + "/s", accept: Self.accept).json
    #expect(table["kind"] == "Table" && table["apiVersion"] == "meta.k8s.io/v1")
    #expect(table["rows"][0]["object", "kind"] == "PartialObjectMetadata")
    #expect(table["rows"][0]["object", "apiVersion"] == "meta.k8s.io/v1")
    #expect(
      table["columnDefinitions"].elements.compactMap { $0["name"].string }
        == ["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector"])
    #expect(table["columnDefinitions"].elements.compactMap { $0["priority"].int } == [0, 0, 0, 0, 0, 0, 1])
    let whole = try api.send("GET", APIFixture.services + "?includeObject=Object", accept: Self.accept).json
    #expect(whole["rows"][0]["object", "kind"] == "Service")
  }
}
