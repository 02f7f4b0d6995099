import Addressing
import ClusterModel
import ControlPlane
import Deploy
import JSON
import Kubernetes
import Linux
import NodeAgent
import Synchronization
import Testing

/// Roles let our code do what it does, and nothing beyond that: the code runs as its service account, and what it asked for
/// is compared with what it was granted.
@Suite("Access") struct AccessTests {
  /// Who a service account is to the API, and what was asked in his name.
  final class Account: APITransport {
    private let inner: LocalTransport
    private let asked = Mutex<Set<String>>([])
    private let refused = Mutex<[String]>([])

    init(_ server: TestServer, _ name: String) {
      inner = LocalTransport(
        server.server.handler,
        user: APIUser(
          name: "system:serviceaccount:kube-system:\(name)",
          groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"]))
    }

    /// `verb group/resource`, with ` name` where one object is meant.
    var requests: Set<String> { asked.withLock { $0 } }
    var refusals: [String] { refused.withLock { $0 } }

    private func note(_ request: APIRequest) {
      let path = request.target.prefix { $0 != "?" }.split(separator: "/").map(String.init)
      let isCore = path[0] == "api"
      var rest = path.dropFirst(isCore ? 2 : 3)
      if rest.first == "namespaces", rest.count > 2 { rest = rest.dropFirst(2) }
      let parts = Array(rest)
      let verb =
        switch request.method {
        case "GET": parts.count > 1 ? "get" : request.target.contains("watch=true") ? "watch" : "list"
        case "POST": "create"
        case "PUT": "update"
        default: request.method.lowercased()
        }
      let resource = parts.count > 2 ? "\(parts[0])/\(parts[2])" : parts[0]
      _ = asked.withLock { $0.insert("\(verb) \(isCore ? "" : path[1])/\(resource)") }
    }

    func send(_ request: APIRequest) throws -> APIResponse {
      note(request)
      let answer = try inner.send(request)
      if answer.status == 403 { refused.withLock { $0.append(String(decoding: answer.body, as: UTF8.self)) } }
      return answer
    }

    func stream(
      _ request: APIRequest, onData: @escaping @Sendable ([UInt8]) -> Void,
      onEnd: @escaping @Sendable (Result<APIResponse, any Error>) -> Void
    ) -> any APIStream {
      note(request)
      return inner.stream(request, onData: onData) { [self] result in
        if case .success(let answer) = result, answer.status == 403 {
          refused.withLock { $0.append(String(decoding: answer.body, as: UTF8.self)) }
        }
        onEnd(result)
      }
    }
  }

  static func granted(_ grants: [Grant]) -> Set<String> {
    Set(
      grants.flatMap { grant in
        grant.resources.flatMap { resource in grant.verbs.map { "\($0) \(grant.group)/\(resource)" } }
      })
  }

  static func until(_ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<600 {
      if try condition() { return true }
      Gate().wait(timeout: 0.05)
    }
    return false
  }

  static func serve(_ arguments: [String]) throws -> TestServer {
    let options = try RenderingTests.options(arguments)
    let server = try TestServer(serviceRanges: options.serviceRanges)
    let client = APIClient(server.server.transport)
    for object in Manifests(options).objects {
      let object = KubernetesObject(object)
      let type = try #require(ResourceType.known.first { $0.kind == object.kind && $0.apiVersion == object.apiVersion })
      try client.create(type, object)
    }
    return server
  }

  /// Whatever planes an agent has, it may read all it wants to read, and wants to read all it may.
  @Test(arguments: [
    ["pod-network"], ["services"], ["policy"], ["dns"], ["pod-network", "services"],
    ["pod-network", "services", "policy", "dns"],
  ]) func agentsReadWhatTheyMay(parts: [String]) throws {
    for routing in ["vxlan", "bgp"] {
      let arguments = RenderingTests.whole + ["--only=\(parts.joined(separator: ","))", "--routing=\(routing)"]
      let planes = try RenderingTests.options(arguments).planes
      let account = Account(try Self.serve(arguments), "swiftlet-agent")
      let kinds = NodeAgent.kinds(planes: planes, usesBGP: routing == "bgp")
      let model = SharedModel(kinds: kinds)
      let feed = ModelFeed(APIClient(account), kinds: kinds, into: model)
      feed.start()
      #expect(Self.until { model.hasSynced })
      let granted = Self.granted(Access.agent(planes: planes, usesBGP: routing == "bgp")).filter {
        !$0.hasPrefix("patch") && !$0.hasSuffix("/events")
      }
      #expect(Self.until { account.requests.count >= granted.count })
      feed.stop()
      #expect(account.requests == granted)
      #expect(account.refusals == [])
    }
  }

  /// A cluster of before 1.33, or of whoever serves no ServiceCIDRs: its agents work with the ranges they were told.
  @Test(arguments: [404, 403]) func anAgentDoesNotWaitForServiceCIDRs(status: Int) throws {
    struct Without: APITransport {
      let inner: any APITransport
      let status: Int

      func send(_ request: APIRequest) throws -> APIResponse {
        guard request.target.contains("servicecidrs") else { return try inner.send(request) }
        let reason = status == 404 ? "NotFound" : "Forbidden"
        let text = #"{"kind":"Status","code":\#(status),"reason":"\#(reason)","message":"no"}"#
        return APIResponse(status: status, body: Array(text.utf8))
      }

      func stream(
        _ request: APIRequest, onData: @escaping @Sendable ([UInt8]) -> Void,
        onEnd: @escaping @Sendable (Result<APIResponse, any Error>) -> Void
      ) -> any APIStream { inner.stream(request, onData: onData, onEnd: onEnd) }
    }
    let server = try TestServer()
    let kinds = NodeAgent.kinds(planes: ["services"], usesBGP: false)
    let model = SharedModel(kinds: kinds)
    let feed = ModelFeed(
      APIClient(Without(inner: server.server.transport, status: status)), kinds: kinds, into: model)
    feed.start()
    #expect(Self.until { model.hasSynced })
    feed.stop()
  }

  @Test func aGatewayReadsWhatItMay() throws {
    let account = Account(try Self.serve(RenderingTests.whole), "swiftlet-gateway")
    let kinds = NodeAgent.kinds(planes: ["gateway"], usesBGP: false)
    let model = SharedModel(kinds: kinds)
    let feed = ModelFeed(APIClient(account), kinds: kinds, into: model)
    feed.start()
    #expect(Self.until { model.hasSynced })
    let granted = Self.granted(Access.gateway).filter { !$0.hasPrefix("patch") }
    #expect(Self.until { account.requests.count >= granted.count })
    feed.stop()
    #expect(account.requests == granted && account.refusals == [])
  }

  /// The controllers as their account: a node that gets its range, one that gets none and is told so twice, an election.
  @Test func controllersDoWhatTheyMay() throws {
    let server = try Self.serve(RenderingTests.whole + ["--controller=load-balancers"])
    let account = Account(server, "swiftlet-controllers")
    let admin = APIClient(server.server.transport)
    var options = ControllerOptions()
    options.podRanges = [.init(try Prefix(parsing: "10.244.0.0/24"), nodeLength: 24)]
    let running = Mutex<RemoteControllers?>(nil)
    var election = LeaderElection.Options(namespace: "kube-system", name: "swiftlet-controllers", identity: "me")
    election.leaseDuration = 3
    election.renewDeadline = 2
    election.retryPeriod = 0.1
    let candidate = LeaderElection(
      account, election,
      onStart: { [options] in
        let controllers = RemoteControllers(account, Set(RemoteController.allCases), options)
        running.withLock { $0 = controllers }
        controllers.start()
      },
      onStop: { running.withLock { $0 }?.stop() })
    candidate.start()
    for name in ["n1", "n2"] {
      try admin.create(.nodes, KubernetesObject(.nodes, name: name))
      if name == "n1" {
        #expect(try Self.until { try admin.get(.nodes, name: "n1").spec["podCIDR"] == "10.244.0.0/24" })
      }
    }
    var pool = KubernetesObject(.loadBalancerPools, name: "main")
    pool.spec["addresses"] = ["192.0.2.100"]
    try admin.create(.loadBalancerPools, pool)
    var service = KubernetesObject(.services, namespace: "default", name: "web")
    service.spec = ["type": "LoadBalancer", "ports": [["port": 80]]]
    try admin.create(.services, service)
    #expect(
      try Self.until {
        try admin.get(.services, namespace: "default", name: "web").isTrue("swiftlet.dev/AddressesAllocated")
      })
    #expect(try Self.until { try admin.get(.loadBalancerPools, name: "main").status["used"] == 1 })
    #expect(try Self.until { try admin.list(.events).items.contains { ($0.json["count"].int ?? 0) > 0 } })
    let granted = Self.granted(
      Access.controllers(Set(RemoteController.allCases)) + Access.election("swiftlet-controllers"))
    // The event is counted up when the node is tried again.
    #expect(
      try Self.until {
        let labels: JSON = ["metadata": ["labels": ["try": .string("\(UInt32.random(in: 0 ... .max))")]]]
        try admin.patch(.nodes, name: "n2", .merge, labels)
        return account.requests.isSuperset(of: granted)
      })
    candidate.stop()
    #expect(account.requests == granted)
    #expect(account.refusals == [])
    // What it may not, it cannot: another Lease, Secrets, another namespace.
    let client = APIClient(account)
    for attempt: () throws -> Any? in [
      { try client.list(.secrets) }, { try client.find(.leases, namespace: "kube-system", name: "kube-scheduler") },
      { try client.find(.leases, namespace: "default", name: "swiftlet-controllers") },
      { try client.delete(.nodes, name: "n1") }, { try client.list(.pods) },
    ] {
      let error = #expect(throws: APIStatus.self) { _ = try attempt() }
      #expect(error?.code == 403)
    }
  }
}
