import ControlPlane
import JSON
import Kubernetes
import Linux
import Synchronization
import Testing

/// What clients may send that must neither bring the server down nor make it swell.
@Suite("Foreign bytes")
struct ForeignBytesTests {
  static let schema = Schema()

  // MARK: JSON patches

  @Test func copiesOfCopiesAreBounded() throws {
    let operation: JSON = ["op": "copy", "from": "/a", "path": "/a/-"]
    let patch = try JSONPatch(.array(Array(repeating: operation, count: 64)))
    #expect(throws: StatusError.self) { try patch.apply(to: ["a": [1]]) }
  }

  @Test func patchesDoNotNestDeeperThanBodiesMay() throws {
    let deepen: JSON = ["op": "copy", "from": "/a", "path": "/a/a"]
    let few = try JSONPatch(.array(Array(repeating: deepen, count: 5))).apply(to: ["a": [:]])
    #expect(try JSON(parsing: few.bytes()) == few)
    let path = String(repeating: "/0", count: 400)
    var value: JSON = 1
    for _ in 0..<400 { value = [value] }
    let add: JSON = ["op": "add", "path": .string(path), "value": value]
    #expect(throws: StatusError.self) { try JSONPatch([add]).apply(to: value) }
  }

  @Test func operationsAreBounded() {
    let operation: JSON = ["op": "test", "path": "/a", "value": 1]
    #expect(throws: StatusError.self) { try JSONPatch(.array(Array(repeating: operation, count: 10_001))) }
  }

  // MARK: protobuf

  private func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    varint(UInt64(number << 3 | 2)) + varint(UInt64(bytes.count)) + bytes
  }
  private func field(_ number: Int, _ value: Int64) -> [UInt8] {
    varint(UInt64(number << 3)) + varint(UInt64(bitPattern: value))
  }
  private func varint(_ value: UInt64) -> [UInt8] {
    var value = value
    var bytes: [UInt8] = []
    while value >= 128 {
      bytes.append(UInt8(value & 127 | 128))
      value >>= 7
    }
    return bytes + [UInt8(value)]
  }
  private func decode(_ apiVersion: String, _ kind: String, _ object: [UInt8]) throws -> JSON {
    let meta = field(1, Array(apiVersion.utf8)) + field(2, Array(kind.utf8))
    return try ProtobufDecoder(schema: Self.schema, kinds: ResourceKinds()).decode(
      Array("k8s\0".utf8) + field(1, meta) + field(2, object))
  }

  @Test(arguments: [
    (Int64.min, Int64(0)), (.max, 0), (1_700_000_000, -1), (1_700_000_000, 1_000_000_000), (253_402_300_800, 0),
  ])
  func timesThatCannotBeWrittenAreRefused(seconds: Int64, nanoseconds: Int64) {
    let time = field(1, seconds) + field(2, nanoseconds)
    // ObjectMeta.creationTimestamp, and LeaseSpec.acquireTime with its microseconds.
    #expect(throws: StatusError.self) { try decode("v1", "Pod", field(1, field(8, time))) }
    #expect(throws: StatusError.self) { try decode("coordination.k8s.io/v1", "Lease", field(2, field(3, time))) }
  }

  @Test func manyElementsAndEntries() throws {
    let data = (0..<20_000).flatMap { field(2, field(1, Array("k\($0)".utf8)) + field(2, Array("v".utf8))) }
    #expect(try decode("v1", "ConfigMap", data)["data"].members.count == 20_000)
    let container = field(2, field(1, Array("c".utf8)))
    let pod = field(2, Array(repeatElement(container, count: 20_000).joined()))
    #expect(try decode("v1", "Pod", pod)["spec", "containers"].elements.count == 20_000)
  }

  // MARK: times and numbers

  @Test func numbersOfMoreThan32BitsAreRefusedWhereGoHasNoMore() throws {
    let api = try APIFixture()
    var deployment = APIFixture.deployment("d")
    deployment["spec", "replicas"] = .int(1 << 31)
    let (status, refusal) = try api.send("POST", APIFixture.deployments, deployment)
    #expect(status == 400)
    #expect(refusal["message"].string?.hasSuffix("number 2147483648 into field spec.replicas of type int32") == true)
    var pod = APIFixture.pod("p")
    pod["spec", "terminationGracePeriodSeconds"] = .int(1 << 40)
    #expect(try api.send("POST", APIFixture.pods, pod).status == 201)
  }

  @Test func graceOfAnyLength() throws {
    let api = try APIFixture()
    var pod = APIFixture.pod("p")
    pod["spec", "nodeName"] = "n"
    try api.create(APIFixture.pods, pod)
    let (status, object) = try api.send(
      "DELETE", APIFixture.pods + "/p", ["gracePeriodSeconds": .int(.max)])
    #expect(status == 200)
    #expect(object["metadata", "deletionTimestamp"] == "9999-12-31T23:59:59Z")
  }

  /// A body of the greatest depth, through every way in, on a stack like those of the server's connections.
  @Test func theDeepestBodiesFitTheStack() throws {
    let api = try APIFixture()
    try api.create(APIFixture.configMaps, ["metadata": ["name": "c"]])
    try api.create(APIFixture.deployments, APIFixture.deployment("d"))
    var deep: JSON = 1
    for level in 0..<(JSON.maximumDepth - 4) { deep = level % 2 == 0 ? ["x": deep] : [deep] }
    let body: JSON = [
      "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "c"], "deep": deep,
    ]
    let inner = deep["x"][0]["x"][0]
    let statuses = Mutex<[Int]>([])
    let thread = Thread("deep") {
      for (method, target, type, body) in [
        ("POST", APIFixture.configMaps + "?dryRun=All", "application/json", body),
        ("PUT", APIFixture.configMaps + "/c", "application/json", body),
        ("PATCH", APIFixture.configMaps + "/c", "application/merge-patch+json", body),
        ("PATCH", APIFixture.configMaps + "/c", "application/strategic-merge-patch+json", body),
        ("PATCH", APIFixture.configMaps + "/c?fieldManager=m&force=true", "application/apply-patch+yaml", body),
        (
          "PATCH", APIFixture.configMaps + "/c", "application/json-patch+json",
          [["op": "add", "path": "/other", "value": inner]]
        ),
        ("GET", APIFixture.configMaps, "", JSON.null),
      ] as [(String, String, String, JSON)] {
        let status = (try? api.send(method, target, body, type: type))?.status ?? 0
        statuses.withLock { $0.append(status) }
      }
    }
    thread.join()
    let answered = statuses.withLock { $0 }
    #expect(answered.count == 7 && answered.allSatisfy { (200..<500).contains($0) }, "\(answered)")
  }
}
