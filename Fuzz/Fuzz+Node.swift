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
    for version in CNIVersion.allCases {
      // What was told in the shape of a version stays as it is when it is told again.
      let echo = CNIResult.echo(json["prevResult"], version: version)
      precondition(CNIResult.echo(echo, version: version) == echo, "an echo of an echo differs")
    }
    guard let configuration = try? NetworkConfiguration(json) else { return }
    let attachment = NetworkConfiguration.Attachment(
      containerID: json["env", "CNI_CONTAINERID"].string ?? "", interfaceName: "eth0")
    checkHostPorts(configuration, attachment)
    let alias = PodLink.alias(attachment, configuration.runtime)
    precondition(alias.utf8.count <= 255, "an alias the kernel does not take")
    for limit in [configuration.runtime.ingress, configuration.runtime.egress] {
      guard let bucket = limit.map({ PodShaping.bucket($0, mtu: configuration.mtu ?? 1500) }) else { continue }
      precondition(bucket.burst > 1500 && bucket.limit >= bucket.burst, "a bucket no packet gets through")
    }
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

/// What leads to a pod reads back from the table's elements as it was.
private func checkHostPorts(
  _ configuration: NetworkConfiguration, _ attachment: NetworkConfiguration.Attachment
) {
  let owner = HostPortOwner(network: configuration.name, attachment, pod: configuration.runtime.pod)
  precondition(owner.comment.utf8.count <= 127, "a comment nft does not take")
  let addresses = [IPAddress("10.244.1.2")!, IPAddress("fd00::2")!]
  let mappings = configuration.runtime.portMappings
  guard let entries = try? HostPortEntry.compile(mappings, addresses: addresses, owner: owner) else { return }
  for (index, entry) in entries.enumerated() {
    let element = entry.elements[0].element
    if let read = HostPortEntry(element, entry.hostAddress == nil ? .ports : .addressed, entry.family) {
      precondition(read.described == entry.described && read.owner.isSame(as: owner), "it does not read back")
    } else {
      precondition(attachment.containerID.isEmpty, "it does not read back")
    }
    for other in entries[..<index] { precondition(!entry.claims(theSameAs: other), "one port for two") }
  }
}
