import Addressing
import ClusterModel
import JSON
import Kubernetes
import Testing

@Suite struct ClusterStateTests {
  private let state = ClusterState()

  private func pod(
    _ name: String, _ address: String, node: String = "n1", namespace: String = "s", label: String = "x",
    extra: String = ""
  ) throws -> JSON {
    try JSON(
      parsing: """
        {"metadata":{"name":"\(name)","namespace":"\(namespace)","labels":{"app":"\(label)"},"resourceVersion":"\(extra)"},
         "spec":{"nodeName":"\(node)"},"status":{"phase":"Running","podIPs":[{"ip":"\(address)"}]}}
        """)
  }

  private func slice(_ name: String, of service: String, _ addresses: String...) throws -> JSON {
    let endpoints = addresses.map { #"{"addresses":["\#($0)"]}"# }.joined(separator: ",")
    return try JSON(
      parsing: """
        {"metadata":{"name":"\(name)","namespace":"s","labels":{"kubernetes.io/service-name":"\(service)"}},
         "addressType":"IPv4","ports":[{"port":80}],"endpoints":[\(endpoints)]}
        """)
  }

  private func object(_ text: String) throws -> JSON { try JSON(parsing: text) }
  private let service = NamespacedName("s", "w")

  @Test func equalValuesChangeNothing() throws {
    #expect(state.apply(.pod, .upsert(try pod("a", "10.0.0.1"))).keys == [.pod(.init("s", "a"))])
    #expect(state.apply(.pod, .upsert(try pod("a", "10.0.0.1", extra: "2"))).keys.isEmpty)
    #expect(state.apply(.pod, .upsert(try pod("a", "10.0.0.1", label: "y"))).keys == [.pod(.init("s", "a"))])
    #expect(state.apply(.pod, .delete(.init("s", "a"))).keys == [.pod(.init("s", "a"))])
    #expect(state.apply(.pod, .delete(.init("s", "a"))).keys.isEmpty)
  }

  /// Every kind: its object gives its key once, its deletion gives it again.
  @Test(arguments: [
    (ModelKind.node, #"{"metadata":{"name":"a"}}"#, ChangeKey.node("a")),
    (.namespace, #"{"metadata":{"name":"a"}}"#, .namespace("a")),
    (.pod, #"{"metadata":{"name":"a","namespace":"s"}}"#, .pod(.init("s", "a"))),
    (.service, #"{"metadata":{"name":"a","namespace":"s"}}"#, .service(.init("s", "a"))),
    (
      .endpointSlice,
      #"{"metadata":{"name":"a","namespace":"s","labels":{"kubernetes.io/service-name":"w"}},"addressType":"IPv6"}"#,
      .service(.init("s", "w"))
    ),
    (.networkPolicy, #"{"metadata":{"name":"a","namespace":"s"}}"#, .policy(.init("s", "a"))),
    (.ingress, #"{"metadata":{"name":"a","namespace":"s"}}"#, .ingress(.init("s", "a"))),
    (.ingressClass, #"{"metadata":{"name":"a"},"spec":{"controller":"c"}}"#, .ingressClass("a")),
    (.serviceCIDR, #"{"metadata":{"name":"a"},"spec":{"cidrs":["10.96.0.0/16","fd00::/112"]}}"#, .serviceCIDR("a")),
    (
      .secret,
      #"{"metadata":{"name":"a","namespace":"s"},"type":"kubernetes.io/tls","data":{"tls.crt":"YQ==","tls.key":"YQ=="}}"#,
      .certificate(.init("s", "a"))
    ),
  ])
  func keysOfKinds(kind: ModelKind, text: String, key: ChangeKey) throws {
    let json = try JSON(parsing: text)
    let id = NamespacedName(json["metadata", "namespace"].string ?? "", "a")
    #expect(state.apply(kind, .upsert(json)) == StateChanges(keys: [key]))
    #expect(state.apply(kind, .upsert(json)) == StateChanges())
    #expect(state.replace(kind, with: [json]) == StateChanges())
    #expect(state.apply(kind, .delete(id)) == StateChanges(keys: [key]))
    #expect(state.replace(kind, with: [json]) == StateChanges(keys: [key]))
    #expect(state.replace(kind, with: []) == StateChanges(keys: [key]))
  }

  @Test func slicesBelongToServices() throws {
    #expect(state.apply(.endpointSlice, .upsert(try slice("1", of: "w", "10.0.0.1"))).keys == [.service(service)])
    #expect(state.serviceWithEndpoints(service) == nil)
    _ = state.apply(.service, .upsert(try object(#"{"metadata":{"name":"w","namespace":"s"}}"#)))
    _ = state.apply(.endpointSlice, .upsert(try slice("2", of: "w", "10.0.0.2")))
    #expect(state.serviceWithEndpoints(service)?.slices.map(\.id.name) == ["1", "2"])
    let moved = state.apply(.endpointSlice, .upsert(try slice("1", of: "v", "10.0.0.1")))
    #expect(moved.keys == [.service(service), .service(.init("s", "v"))])
    #expect(state.serviceWithEndpoints(service)?.slices.map(\.id.name) == ["2"])
    let orphan = try object(#"{"metadata":{"name":"2","namespace":"s"},"addressType":"IPv4"}"#)
    #expect(state.apply(.endpointSlice, .upsert(orphan)) == StateChanges(keys: [.service(service)]))
    #expect(state.serviceWithEndpoints(service)?.slices.isEmpty == true)
    #expect(state.endpointSlices(of: .init("s", "v")).count == 1)
  }

  @Test func relistFindsDifferences() throws {
    _ = state.replace(.pod, with: [try pod("a", "10.0.0.1"), try pod("b", "10.0.0.2"), try pod("c", "10.0.0.3")])
    let changes = state.replace(
      .pod, with: [try pod("a", "10.0.0.1"), try pod("b", "10.0.0.9"), try pod("d", "10.0.0.4")])
    #expect(changes.keys == Set(["b", "c", "d"].map { .pod(.init("s", $0)) }))
    #expect(state.pods.count == 3)
  }

  @Test func badObjectsKeepTheirFormerValue() throws {
    _ = state.apply(.networkPolicy, .upsert(try object(#"{"metadata":{"name":"p","namespace":"s"}}"#)))
    let bad = try object(
      #"{"metadata":{"name":"p","namespace":"s"},"spec":{"podSelector":{"matchExpressions":[{"key":"a"}]}}}"#)
    let changes = state.replace(.networkPolicy, with: [bad])
    #expect(changes.keys.isEmpty && changes.problems.map(\.object) == ["NetworkPolicy s/p"])
    #expect(state.policies.count == 1)
  }

  @Test func badPartsHarmNothingElse() throws {
    let changes = state.apply(.endpointSlice, .upsert(try slice("1", of: "w", "10.0.0.1", "bad", "10.0.0.3")))
    #expect(changes.keys == [.service(service)] && changes.problems.map(\.field) == ["endpoints[1].addresses[0]"])
    #expect(state.endpointSlices(of: service).first?.endpoints.count == 2)
  }

  @Test func podIndexesFollow() throws {
    func names(_ pods: [Pod]) -> Set<String> { Set(pods.map(\.id.name)) }
    let address = try IPAddress(parsing: "10.0.0.1")
    _ = state.apply(.pod, .upsert(try pod("a", "10.0.0.1")))
    _ = state.apply(.pod, .upsert(try pod("b", "10.0.0.2", namespace: "t", label: "y")))
    _ = state.apply(.pod, .upsert(try pod("c", "10.0.0.3", label: "y")))
    #expect(names(state.pods(onNode: "n1")) == ["a", "b", "c"])
    #expect(names(state.pods(inNamespace: "s", matching: LabelSelector(matchLabels: ["app": "y"]))) == ["c"])
    #expect(state.pod(at: address)?.id.name == "a")
    _ = state.apply(.pod, .upsert(try pod("a", "10.0.0.7", node: "n2")))
    #expect(names(state.pods(onNode: "n1")) == ["b", "c"] && names(state.pods(onNode: "n2")) == ["a"])
    #expect(state.pod(at: address) == nil && names(state.pods(inNamespace: "s")) == ["a", "c"])
    _ = state.apply(.pod, .delete(.init("s", "a")))
    #expect(state.pods(onNode: "n2").isEmpty && names(state.pods(inNamespace: "s")) == ["c"])
  }

  @Test func addressesOfEndedPodsAreFree() throws {
    let address = try IPAddress(parsing: "10.0.0.1")
    var ended = try pod("a", "10.0.0.1")
    ended["status", "phase"] = "Succeeded"
    var host = try pod("h", "10.0.0.1")
    host["spec", "hostNetwork"] = true
    var leaving = try pod("b", "10.0.0.1")
    leaving["metadata", "deletionTimestamp"] = "2026-01-01T00:00:00Z"
    for json in [ended, host, leaving] { _ = state.apply(.pod, .upsert(json)) }
    #expect(state.pod(at: address)?.id.name == "b")
    _ = state.apply(.pod, .upsert(try pod("c", "10.0.0.1")))
    #expect(state.pod(at: address)?.id.name == "c")
    _ = state.apply(.pod, .upsert(ended))
    _ = state.apply(.pod, .delete(.init("s", "c")))
    #expect(state.pod(at: address)?.id.name == "b")
  }

  @Test func secretsOfOtherTypesAreLeftOut() throws {
    let tls = try object(
      #"{"metadata":{"name":"a","namespace":"s"},"type":"kubernetes.io/tls","data":{"tls.crt":"YQ==","tls.key":"YQ=="}}"#
    )
    var opaque = tls
    opaque["type"] = "Opaque"
    #expect(state.apply(.secret, .upsert(opaque)) == StateChanges())
    _ = state.apply(.secret, .upsert(tls))
    #expect(state.apply(.secret, .upsert(opaque)).keys == [.certificate(.init("s", "a"))])
    #expect(state.certificates.isEmpty)
  }

  @Test func policiesAndNamespacesByLookup() throws {
    for name in ["q", "p"] {
      _ = state.apply(.networkPolicy, .upsert(try object(#"{"metadata":{"name":"\#(name)","namespace":"s"}}"#)))
    }
    _ = state.apply(.namespace, .upsert(try object(#"{"metadata":{"name":"s","labels":{"team":"a"}}}"#)))
    #expect(state.policies(inNamespace: "s").map(\.id.name) == ["p", "q"])
    #expect(state.policies(inNamespace: "t").isEmpty)
    #expect(state.namespaces(matching: LabelSelector(matchLabels: ["team": "a"])).map(\.name) == ["s"])
    #expect(state.namespaces(matching: LabelSelector(matchLabels: ["team": "b"])).isEmpty)
  }
}
