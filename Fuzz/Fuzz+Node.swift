import Addressing
import ClusterModel
import HTTPRouting
import JSON
import NodeRouting
import PodNetwork
import StandIn

let nodeParsers: [String: Parser] = [
  // A network configuration; its members `env` and `prevResult` are a request's environment and an earlier result.
  "cni": { bytes in
    guard let json = try? JSON(parsing: bytes) else { return }
    _ = try? CNIRequest(environment: json["env"].stringMap)
    _ = try? NetworkConfiguration(json, forRemoval: true)
    if let result = try? CNIResult(json["prevResult"]) {
      for version in CNIVersion.allCases { precondition((try? CNIResult(result.json(version: version))) != nil) }
    }
    guard let configuration = try? NetworkConfiguration(json) else { return }
    for set in configuration.rangeSets {
      for address in set.candidates(after: nil).prefix(64) {
        precondition(set.range(of: address) != nil, "a candidate outside its ranges")
      }
      _ = set.candidates(after: set.ranges[0].end).first { _ in true }
    }
  },
  "haproxy": { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    _ = (RuntimeState.fingerprint(text), RuntimeState.backends(text), RuntimeState.map(text))
    _ = RuntimeState.certificates(text)
    for (backend, servers) in RuntimeState.servers(text) {
      let wanted = [AddressAndPort(IPAddress("10.0.0.1")!, 80)]
      _ = HAProxyController.serverCommands(backend, wanted: wanted, found: servers)
    }
  },
  // The annotation `backend-data` of a flannel node.
  "flannel": { bytes in
    var node = Node(name: "a")
    node.podRanges = [Prefix("10.244.2.0/24")!]
    node.annotations = [
      "flannel.alpha.coreos.com/backend-type": "vxlan", "flannel.alpha.coreos.com/public-ip": "192.0.2.1",
      "flannel.alpha.coreos.com/backend-data": String(decoding: bytes, as: UTF8.self),
    ]
    let own = RoutePeer(
      node: "b", mode: .vxlan, underlay: [IPAddress("192.0.2.2")!], podRanges: [Prefix("10.244.1.0/24")!])
    let compiler = PeerCompiler(own: own)
    _ = compiler.entries(compiler.plan(RoutePeer(node)) { _ in .unreachable }, interfaces: [.vxlan4: 1])
    guard let vtep = RoutePeer(node).vtep(.v4) else { return }
    precondition(VTEP(parsing: vtep.text) == vtep, "what was written does not read back")
  },
  // flannel's configuration of a cluster.
  "net-conf": { bytes in
    guard let json = try? JSON(parsing: bytes), let configuration = try? FlannelConfiguration(json) else { return }
    precondition(!configuration.networks.isEmpty, "a configuration without a network was accepted")
  },
  // BIRD's control socket, and what `show protocols all` says.
  "bird": { bytes in
    var whole = BIRDReplyReader()
    guard let replies = try? whole.append(bytes) else { return }
    for reply in replies { _ = (reply.isFailure, reply.message, BIRDProtocol.all(in: reply).map(\.sessionState)) }
    var pieces = BIRDReplyReader()
    let same = bytes.reduce(into: []) { same, byte in same += (try? pieces.append([byte])) ?? [] }
    precondition(same == replies, "in pieces it is another answer")
  },
  // The operator's BGP configuration; the text is its passwords too.
  "bgp": { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    guard let configuration = try? BGPConfiguration(parsing: bytes, file: "bgp", read: { _ in text }) else { return }
    let own = RoutePeer(
      node: "a", mode: .bgp, underlay: [IPAddress("192.0.2.1")!], podRanges: [Prefix("10.0.0.0/24")!])
    let speaker = BGPSpeaker(
      own: own, peers: [], configuration: configuration, clusterPodRanges: [], serviceRanges: [], services: .init())
    precondition(!BIRDConfiguration(speaker, log: "/l").text.isEmpty)
  },
  // A connection to a stand-in; pieces end at zeros.
  "stand-in": { bytes in
    var identity = StandInIdentity()
    identity.pod = "a"
    var conversation = Conversation(
      StandInAnswer(identity: identity, client: "192.0.2.1:1", address: "10.244.1.2", port: 80))
    for piece in bytes.split(separator: 0) {
      conversation.receive(piece)
      for _ in 0..<1000 {
        if conversation.takeOutput().isEmpty, conversation.takeDelay() == nil { break }
        conversation.proceed()
      }
    }
    conversation.receiveEnd()
  },
  "probe-dns": { bytes in
    let query = ProbeDNSAnswer.query("web.default.", type: 1, identifier: 0)
    _ = try? ProbeDNSAnswer(message: bytes, to: query)
  },
]
