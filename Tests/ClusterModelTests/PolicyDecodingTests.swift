import Addressing
import ClusterModel
import JSON
import Kubernetes
import Testing

@Suite struct PolicyDecodingTests {
  private func policy(_ spec: String) throws -> (NetworkPolicy, [String]) {
    try decode(NetworkPolicy.self, #"{"metadata":{"name":"p","namespace":"s"},"spec":\#(spec)}"#)
  }

  /// Which directions isolate, and how many rules they have.
  @Test(arguments: [
    (#"{"podSelector":{}}"#, Int?.some(0), Int?.none),
    (#"{}"#, 0, nil),
    (#"{"podSelector":{},"ingress":[{}]}"#, 1, nil),
    (#"{"podSelector":{},"egress":[{}]}"#, 0, 1),
    (#"{"podSelector":{},"policyTypes":["Egress"]}"#, nil, 0),
    (#"{"podSelector":{},"policyTypes":["Egress"],"ingress":[{}]}"#, nil, 0),
    (#"{"podSelector":{},"policyTypes":["Ingress","Egress"]}"#, 0, 0),
    (#"{"podSelector":{},"policyTypes":["Ingress"],"egress":[{}]}"#, 0, nil),
    (#"{"podSelector":{},"egress":[]}"#, 0, nil),
  ])
  func policyTypes(spec: String, ingress: Int?, egress: Int?) throws {
    let (policy, warnings) = try policy(spec)
    #expect(policy.ingress?.count == ingress && policy.egress?.count == egress && warnings.isEmpty)
  }

  @Test func peersAndPorts() throws {
    let (policy, warnings) = try policy(
      """
      {"podSelector":{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"c","operator":"In","values":["d","e"]}]},
       "ingress":[{"from":[{"podSelector":{}},{"namespaceSelector":{"matchLabels":{"n":"m"}}},
         {"namespaceSelector":{},"podSelector":{"matchExpressions":[{"key":"x","operator":"Exists"}]}},
         {"ipBlock":{"cidr":"10.0.0.0/8","except":["10.1.0.0/16"]}}],
        "ports":[{"port":80},{"protocol":"UDP"},{"protocol":"SCTP","port":"dns"},{"port":1,"endPort":9}]}]}
      """)
    #expect(policy.selector.requirements == [.in(key: "a", values: ["b"]), .in(key: "c", values: ["d", "e"])])
    let rule = try #require(policy.ingress?.first)
    #expect(
      rule.peers == [
        .pods(selector: LabelSelector(), namespaces: nil),
        .pods(selector: LabelSelector(), namespaces: LabelSelector(matchLabels: ["n": "m"])),
        .pods(selector: LabelSelector([.exists(key: "x")]), namespaces: LabelSelector()),
        .block(Prefix("10.0.0.0/8")!, except: [Prefix("10.1.0.0/16")!]),
      ])
    #expect(
      rule.ports == [
        .init(port: .number(80)), .init(transport: .udp), .init(transport: .sctp, port: .name("dns")),
        .init(port: .number(1), endPort: 9),
      ])
    #expect(warnings.isEmpty)
  }

  /// A wrong part never allows more: what is left of the rules, and the field that is named.
  @Test(arguments: [
    (#"[{"from":[{"ipBlock":{"cidr":"bad"}}]}]"#, 0, "spec.ingress[0].from[0].ipBlock.cidr"),
    (#"[{"from":[{}]}]"#, 0, "spec.ingress[0].from[0]"),
    (#"[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8"},"podSelector":{}}]}]"#, 0, "spec.ingress[0].from[0]"),
    (
      #"[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["bad"]}}]}]"#, 0,
      "spec.ingress[0].from[0].ipBlock.except[0]"
    ),
    (
      #"[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.0.0.0/8"]}}]}]"#, 0,
      "spec.ingress[0].from[0].ipBlock.except[0]"
    ),
    (
      #"[{"from":[{"podSelector":{"matchExpressions":[{"key":"a","operator":"Near"}]}}]}]"#, 0,
      "spec.ingress[0].from[0].podSelector.matchExpressions[0].operator"
    ),
    (
      #"[{"from":[{"podSelector":{"matchExpressions":[{"key":"a","operator":"In","values":[]}]}}]}]"#, 0,
      "spec.ingress[0].from[0].podSelector.matchExpressions[0].values"
    ),
    (#"[{"ports":[{"protocol":"ICMP"}]}]"#, 0, "spec.ingress[0].ports[0].protocol"),
    (#"[{"ports":[{"port":0}]}]"#, 0, "spec.ingress[0].ports[0].port"),
    (#"[{"ports":[{"port":90,"endPort":80}]}]"#, 0, "spec.ingress[0].ports[0].endPort"),
    (#"[{"ports":[{"port":"http","endPort":80}]}]"#, 0, "spec.ingress[0].ports[0].endPort"),
    (#"[{"ports":[{"port":0},{"port":80}]},{}]"#, 2, "spec.ingress[0].ports[0].port"),
  ])
  func wrongPartsStayClosed(ingress: String, rules: Int, field: String) throws {
    let (policy, warnings) = try policy(#"{"podSelector":{},"ingress":\#(ingress)}"#)
    #expect(policy.ingress?.count == rules && warnings == [field])
  }

  @Test func wrongPodSelectorThrows() {
    let error = #expect(throws: ModelError.self) {
      try self.policy(#"{"podSelector":{"matchExpressions":[{"key":"a","operator":"Exists","values":["b"]}]}}"#)
    }
    #expect(error?.object == "NetworkPolicy s/p" && error?.field == "spec.podSelector.matchExpressions[0].values")
  }
}
