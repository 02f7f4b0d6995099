import Addressing
import ClusterModel
import Glibc
import JSON
import Kubernetes
import Linux
import ServiceProxy
import Synchronization
import Testing

@testable import NodeAgent

/// Services and slices that cannot be programmed: an Event names each and the reason, and everything else is kept.
@Suite struct BadServicesTests {
  /// An API server that takes Events and forgets everything else.
  final class Events: APITransport {
    private let written = Mutex<[JSON]>([])
    var all: [JSON] { written.withLock { $0 } }

    func send(_ request: APIRequest) throws -> APIResponse {
      if let body = try? JSON(parsing: request.body) { written.withLock { $0.append(body) } }
      return APIResponse(status: 201, body: request.body)
    }

    func stream(
      _ request: APIRequest, onData: @escaping @Sendable ([UInt8]) -> Void,
      onEnd: @escaping @Sendable (Result<APIResponse, any Error>) -> Void
    ) -> any APIStream { preconditionFailure("nobody watches Events") }

    /// Waits for so many; the recorder writes on a thread of its own.
    func wait(for count: Int) -> [JSON] {
      for _ in 0..<1000 where all.count < count { usleep(5_000) }
      return all
    }
  }

  static func service(_ spec: JSON) -> JSON {
    ["metadata": ["name": "bad", "namespace": "shop"], "spec": spec]
  }
  static func slice(_ type: JSON, _ ports: JSON, _ addresses: JSON) -> JSON {
    [
      "metadata": ["name": "bad-x", "namespace": "shop", "labels": ["kubernetes.io/service-name": "bad"]],
      "addressType": type, "ports": ports, "endpoints": [["addresses": addresses], ["addresses": ["10.244.0.7"]]],
    ]
  }
  static let goodPort: JSON = ["name": "good", "port": 80, "protocol": "TCP"]

  /// Kind, object, what the Event must say.
  static let bad: [(kind: ModelKind, object: JSON, says: [String])] = [
    (
      .service, service(["clusterIPs": ["10.96.0.1"], "ports": [["port": 0], goodPort]]),
      ["spec.ports[0].port", "found 0"]
    ),
    (
      .service, service(["clusterIPs": ["10.96.0.1"], "ports": [["port": 70000], goodPort]]),
      ["spec.ports[0].port", "70000", "from 1 to 65535"]
    ),
    (
      .service, service(["clusterIPs": ["10.96.0.1"], "ports": [["port": 8, "protocol": "ICMP"], goodPort]]),
      ["spec.ports[0].protocol", "ICMP"]
    ),
    (
      .service, service(["clusterIPs": ["10.96.0.1", "10.96.0"], "ports": [goodPort]]),
      ["spec.clusterIPs[1]", "10.96.0"]
    ),
    (
      .service,
      service(["clusterIPs": ["10.96.0.1"], "loadBalancerSourceRanges": ["10.0.0.0/33"], "ports": [goodPort]]),
      ["spec.loadBalancerSourceRanges[0]", "10.0.0.0/33"]
    ),
    (
      .endpointSlice, slice("IPv4", [goodPort], ["fd00::1"]),
      ["endpoints[0].addresses[0]", "fd00::1", "IPv4"]
    ),
    (.endpointSlice, slice("IPv4", [["name": "x", "port": 0], goodPort], ["10.244.0.8"]), ["ports[0].port"]),
    (
      .endpointSlice, slice("IPv4", [["name": "x", "port": 5, "protocol": "QUIC"], goodPort], ["10.244.0.8"]),
      ["ports[0].protocol", "QUIC"]
    ),
    (.endpointSlice, slice("IPv5", [goodPort], ["10.244.0.8"]), ["addressType", "IPv5"]),
  ]

  @Test(arguments: 0..<9) func aFieldThatIsNot(_ index: Int) throws {
    let (kind, object, says) = Self.bad[index]
    let api = Events()
    let recorder = EventRecorder(APIClient(api), component: "swiftlet-agent", host: "node1")
    let model = SharedModel(kinds: [])
    model.onProblem { NodeAgent.record($0, recorder) }
    model.apply(.service, .upsert(Self.service(["clusterIPs": ["10.96.0.1"], "ports": [Self.goodPort]])))
    model.apply(kind, .upsert(object))
    let event = try #require(api.wait(for: 1).first)
    #expect(event["reason"].string == "Invalid" && event["type"].string == "Warning")
    #expect(event["involvedObject", "kind"].string == kind.rawValue)
    #expect(event["involvedObject", "name"].string == object["metadata", "name"].string)
    #expect(event["involvedObject", "namespace"].string == "shop")
    for words in says { #expect(event["message"].string?.contains(words) == true, "\(event["message"])") }
    // The rest of the object serves.
    let input = try #require(model.read { $0.serviceWithEndpoints(NamespacedName("shop", "bad")) })
    #expect(input.service.ports.map(\.name) == ["good"])
    #expect(input.service.clusterAddresses == [IPAddress("10.96.0.1")!])
    if kind == .endpointSlice, object["addressType"].string == "IPv4" {
      #expect(input.backends(of: input.service.ports[0], family: .v4).map(\.address).contains(IPAddress("10.244.0.7")!))
    }
    recorder.stop()
    recorder.waitUntilEnded()
  }

  @Test func whatTheNodeRefusesOrAnotherHas() throws {
    let api = Events()
    let recorder = EventRecorder(APIClient(api), component: "swiftlet-agent", host: "node1")
    let problems = ServiceProblems(recorder)
    let bad = NamespacedName("shop", "bad")
    let frontend = FrontendKey(IPAddress("203.0.113.9")!, .tcp, 80)
    problems.tell(refused: [bad: "Invalid argument"], waiting: [:])
    // Told once, however often it is looked at.
    problems.tell(refused: [bad: "Invalid argument"], waiting: [:])
    problems.tell(refused: [bad: "Invalid argument"], waiting: [frontend: [bad]])
    recorder.stop()
    recorder.waitUntilEnded()
    #expect(api.all.map { $0["reason"].string } == ["ServiceRefused", "FrontendTaken"])
    #expect(api.all[0]["message"].string?.contains("Invalid argument") == true)
    #expect(api.all[1]["message"].string?.contains("203.0.113.9 TCP 80") == true, "\(api.all[1])")
    #expect(api.all.allSatisfy { $0["involvedObject", "name"].string == "bad" && $0["count"].int == 1 })
  }
}
