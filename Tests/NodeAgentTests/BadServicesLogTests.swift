import Addressing
import ClusterModel
import Glibc
import JSON
import Kubernetes
import Linux
import ServiceProxy
import Testing

@testable import NodeAgent

/// What cannot be programmed is named in the log too, and one object does not fill it.
@Suite struct BadServicesLogTests {
  @Test func aLineNamesTheObjectAndTheReason() throws {
    let path = "/tmp/swt-bad-services-\(getpid()).log"
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    try #require(file >= 0)
    defer {
      close(file)
      unlink(path)
    }
    let model = SharedModel(kinds: [], log: Log("agent model", to: file))
    for (kind, object, _) in BadServicesTests.bad { model.apply(kind, .upsert(object)) }
    ServiceProblems(nil, log: Log("agent services", to: file)).tell(
      refused: [NamespacedName("shop", "bad"): "Invalid argument"],
      waiting: [FrontendKey(IPAddress("203.0.113.9")!, .tcp, 80): [NamespacedName("shop", "second")]])
    let lines = try Files.readText(path).split(separator: "\n").filter { $0.contains(" warning ") }
    for (kind, object, says) in BadServicesTests.bad {
      let name = "\(kind.rawValue) shop/\(object["metadata", "name"].string ?? "")"
      #expect(lines.contains { line in line.contains(name) && says.allSatisfy { line.contains($0) } }, "\(says)")
    }
    #expect(lines.contains { $0.contains("Service shop/bad: ") && $0.contains("Invalid argument") })
    #expect(lines.contains { $0.contains("Service shop/second: ") && $0.contains("203.0.113.9 TCP 80") })
  }

  @Test func tenThousandWrongPortsAreNotTenThousandLines() throws {
    var warnings: [ModelError] = []
    var ports: [JSON] = (0..<10_000).map { ["name": .string("p\($0)"), "port": 0, "protocol": "TCP"] }
    ports.append(BadServicesTests.goodPort)
    let service = BadServicesTests.service(["clusterIPs": ["10.96.0.1"], "ports": .array(ports)])
    let decoded = try Service(decoding: service, warnings: &warnings)
    #expect(decoded.ports.map(\.name) == ["good"])
    #expect(warnings.count == ObjectReader.mostWarnings + 1)
    #expect(warnings.last?.description.contains("9990 more fields") == true, "\(String(describing: warnings.last))")
    // A slice whose endpoints are all of another family.
    warnings = []
    let addresses = JSON.array((0..<100).map { .string("fd00::\($0)") })
    _ = try EndpointSlice(decoding: BadServicesTests.slice("IPv4", [], addresses), warnings: &warnings)
    #expect(warnings.count == ObjectReader.mostWarnings + 1)
  }

  @Test func tenThousandTakenPortsAreNotTenThousandEvents() {
    let api = BadServicesTests.Events()
    let recorder = EventRecorder(APIClient(api), component: "swiftlet-agent", host: "node1")
    let second = NamespacedName("shop", "second")
    let waiting = Dictionary(
      uniqueKeysWithValues: (1...10_000).map { (FrontendKey(IPAddress("203.0.113.9")!, .tcp, $0), [second]) })
    ServiceProblems(recorder).tell(refused: [:], waiting: waiting)
    recorder.stop()
    recorder.waitUntilEnded()
    #expect(api.all.count == 11)
    #expect(api.all.contains { $0["message"].string?.contains("9990 more of its addresses and ports") == true })
  }
}
