import Addressing
import ClusterModel
import JSON
import Testing

/// Decodes a value and returns the warnings' fields beside it.
func decode<Value: APIDecodable>(_ type: Value.Type, _ text: String) throws -> (Value, [String]) {
  var warnings: [ModelError] = []
  let value = try Value(decoding: JSON(parsing: text), warnings: &warnings)
  return (value, warnings.map(\.field))
}

@Suite struct DecodingTests {
  @Test func node() throws {
    let (node, warnings) = try decode(
      Node.self,
      """
      {"metadata":{"name":"n1","labels":{"topology.kubernetes.io/zone":"a"},"annotations":{"x":"y"}},
       "spec":{"podCIDR":"10.244.1.0/24","podCIDRs":["10.244.1.0/24","fd00:1::/64","10.244.1.0/40"]},
       "status":{"addresses":[{"type":"Hostname","address":"n1"},{"type":"InternalIP","address":"192.168.77.11"},
         {"type":"InternalIP","address":"nonsense"},{"type":"ExternalIP","address":"1.2.3.4"}],
        "conditions":[{"type":"Ready","status":"True"}]}}
      """)
    #expect(node.name == "n1" && node.zone == "a" && node.annotations == ["x": "y"] && node.isReady)
    #expect(node.addresses.map(\.description) == ["192.168.77.11"])
    #expect(node.podRanges.map(\.description) == ["10.244.1.0/24", "fd00:1::/64"])
    #expect(warnings == ["status.addresses[2].address", "spec.podCIDRs[2]"])
  }

  @Test func podRangeOfOldNodes() throws {
    let (node, _) = try decode(Node.self, #"{"metadata":{"name":"n"},"spec":{"podCIDR":"10.0.0.0/24"}}"#)
    #expect(node.podRanges == [Prefix("10.0.0.0/24")!] && !node.isReady)
  }

  @Test func namespaceHasItsName() throws {
    let (namespace, _) = try decode(Namespace.self, #"{"metadata":{"name":"shop","labels":{"a":"b"}}}"#)
    #expect(namespace.labels == ["a": "b", "kubernetes.io/metadata.name": "shop"])
  }

  @Test func pod() throws {
    let (pod, warnings) = try decode(
      Pod.self,
      """
      {"metadata":{"name":"w","namespace":"shop","uid":"u1","labels":{"app":"w"},"deletionTimestamp":"2026-01-01T00:00:00Z"},
       "spec":{"nodeName":"n1","hostname":"h","subdomain":"s",
        "containers":[{"ports":[{"name":"http","containerPort":8080},{"containerPort":1},
          {"name":"bad","containerPort":70000},{"name":"dns","protocol":"UDP","containerPort":53}]}],
        "initContainers":[{"restartPolicy":"Always","ports":[{"name":"side","containerPort":9}]},
          {"ports":[{"name":"once","containerPort":10}]}]},
       "status":{"phase":"Running","podIP":"10.244.1.5","podIPs":[{"ip":"10.244.1.5"},{"ip":"fd00::5"},{"ip":"x"}],
        "conditions":[{"type":"Ready","status":"True"}]}}
      """)
    #expect(pod.id == NamespacedName("shop", "w") && pod.uid == "u1" && pod.node == "n1")
    #expect(pod.addresses.map(\.description) == ["10.244.1.5", "fd00::5"])
    #expect(
      pod.namedPorts == [
        .init(name: "http", transport: .tcp, number: 8080), .init(name: "dns", transport: .udp, number: 53),
        .init(name: "side", transport: .tcp, number: 9),
      ])
    #expect(pod.isReady && pod.isTerminating && !pod.isTerminal && !pod.isHostNetwork)
    #expect(pod.hostname == "h" && pod.subdomain == "s")
    #expect(warnings == ["spec.containers[0].ports[2].containerPort", "status.podIPs[2].ip"].sorted().reversed())
  }

  @Test(arguments: [("Succeeded", true), ("Failed", true), ("Pending", false), ("Running", false)])
  func terminalPhases(phase: String, isTerminal: Bool) throws {
    let (pod, _) = try decode(Pod.self, #"{"metadata":{"name":"w"},"status":{"phase":"\#(phase)"}}"#)
    #expect(pod.isTerminal == isTerminal && pod.node == nil && pod.addresses.isEmpty)
  }

  @Test func service() throws {
    let (service, warnings) = try decode(
      Service.self,
      """
      {"metadata":{"name":"w","namespace":"shop"},"spec":{"type":"LoadBalancer","selector":{"app":"w"},
       "clusterIP":"10.96.0.7","clusterIPs":["10.96.0.7","fd00::7"],"externalIPs":["1.1.1.1","bad"],
       "ports":[{"port":80},{"name":"dns","protocol":"UDP","port":53,"targetPort":"dns","nodePort":30053},
        {"name":"zero","port":1,"targetPort":0},{"name":"x","protocol":"ICMP","port":2}],
       "loadBalancerSourceRanges":[" 10.0.0.1/8 ","bad/1"],"sessionAffinity":"ClientIP",
       "internalTrafficPolicy":"Local","externalTrafficPolicy":"Local","publishNotReadyAddresses":true},
       "status":{"loadBalancer":{"ingress":[{"ip":"2.2.2.2"},{"ip":"3.3.3.3","ipMode":"Proxy"},{"hostname":"lb"}]}}}
      """)
    #expect(service.kind == .loadBalancer && service.clusterAddresses.map(\.description) == ["10.96.0.7", "fd00::7"])
    #expect(
      service.ports == [
        .init(port: 80, target: .number(80)),
        .init(name: "dns", transport: .udp, port: 53, target: .name("dns"), nodePort: 30053),
        .init(name: "zero", port: 1, target: .number(1)),
      ])
    #expect(service.sourceRanges == [Prefix("10.0.0.0/8")!])
    #expect(service.loadBalancerAddresses.map(\.description) == ["2.2.2.2"])
    #expect(service.affinityTimeout == 10_800)
    #expect(service.isInternalTrafficLocal && service.isExternalTrafficLocal && service.publishNotReadyAddresses)
    #expect(warnings == ["spec.ports[3].protocol", "spec.externalIPs[1]", "spec.loadBalancerSourceRanges[1]"])
  }

  @Test(arguments: [
    (#"{"clusterIP":"None","clusterIPs":["None"]}"#, true, 0), (#"{"clusterIP":"None"}"#, true, 0),
    (#"{"clusterIP":""}"#, false, 0), (#"{}"#, false, 0), (#"{"clusterIP":"10.96.0.1"}"#, false, 1),
    (#"{"type":"ExternalName","externalName":"a.b"}"#, false, 0),
  ])
  func clusterAddresses(spec: String, isHeadless: Bool, count: Int) throws {
    let (service, warnings) = try decode(Service.self, #"{"metadata":{"name":"w"},"spec":\#(spec)}"#)
    #expect(service.isHeadless == isHeadless && service.clusterAddresses.count == count && warnings.isEmpty)
  }

  @Test func endpointSlice() throws {
    let (slice, warnings) = try decode(
      EndpointSlice.self,
      """
      {"metadata":{"name":"w-1","namespace":"shop","labels":{"kubernetes.io/service-name":"w"},
        "annotations":{"endpoints.kubernetes.io/last-change-trigger-time":"2026-01-31T12:00:00.5Z"}},"addressType":"IPv4",
       "ports":[{"name":"","port":8080,"protocol":"TCP"},{"port":null},{"name":"d","port":53,"protocol":"UDP"}],
       "endpoints":[{"addresses":["10.0.0.1"]},{"addresses":["10.0.0.2"],"conditions":{"ready":false}},
        {"addresses":["10.0.0.3","10.0.0.4"],"conditions":{"ready":false,"serving":true,"terminating":true},"hostname":"h",
         "nodeName":"n","zone":"z","targetRef":{"kind":"Pod","name":"p"}},
        {"addresses":["bad"]},{"addresses":["fd00::1"]}]}
      """)
    #expect(slice.service == NamespacedName("shop", "w") && slice.family == .v4)
    #expect(slice.changeTriggered == 1_769_860_800_500_000_000)
    #expect(slice.ports == [.init(port: 8080), .init(name: "d", transport: .udp, port: 53)])
    #expect(slice.endpoints.map(\.isReady) == [true, false, false])
    #expect(slice.endpoints.map(\.isServing) == [true, false, true])
    #expect(slice.endpoints.map(\.isTerminating) == [false, false, true])
    let last = slice.endpoints[2]
    #expect(last.hostname == "h" && last.node == "n" && last.otherAddresses == [IPAddress("10.0.0.4")!])
    #expect(slice.endpoints.map(\.hostname) == [nil, nil, "h"] && last.hintedZones.isEmpty)
    #expect(warnings == ["endpoints[3].addresses[0]", "endpoints[4].addresses[0]"])
  }

  @Test func ingress() throws {
    let (ingress, warnings) = try decode(
      Ingress.self,
      """
      {"metadata":{"name":"w","namespace":"shop","creationTimestamp":"2026-01-01T00:00:00Z",
        "annotations":{"kubernetes.io/ingress.class":"old"}},
       "spec":{"defaultBackend":{"service":{"name":"d","port":{"number":80}}},"tls":[{"hosts":["a"],"secretName":"s"}],
        "rules":[{"host":"a","http":{"paths":[
          {"path":"/x","pathType":"Exact","backend":{"service":{"name":"w","port":{"name":"http"}}}},
          {"backend":{"service":{"name":"w","port":{"number":81}}}},
          {"path":"/y","pathType":"Prefix","backend":{"resource":{"kind":"Bucket"}}},
          {"path":"z","pathType":"Prefix","backend":{"service":{"name":"w","port":{"number":81}}}}]}},{}]}}
      """)
    #expect(ingress.className == "old" && ingress.created == "2026-01-01T00:00:00Z")
    #expect(ingress.defaultBackend == .init(service: "d", port: .number(80)))
    #expect(
      ingress.rules == [
        .init(
          host: "a",
          paths: [
            .init(path: "/x", type: .exact, backend: .init(service: "w", port: .name("http"))),
            .init(path: "", type: .implementationSpecific, backend: .init(service: "w", port: .number(81))),
          ]), .init(paths: []),
      ])
    #expect(ingress.tls == [.init(hosts: ["a"], secret: "s")])
    #expect(warnings == ["spec.rules[0].http.paths[2].backend", "spec.rules[0].http.paths[3].path"])
  }

  @Test func ingressClass() throws {
    let (value, _) = try decode(
      IngressClass.self,
      """
      {"metadata":{"name":"c","annotations":{"ingressclass.kubernetes.io/is-default-class":"true"}},
       "spec":{"controller":"x.io/y"}}
      """)
    #expect(value == IngressClass(name: "c", controller: "x.io/y", isDefault: true))
  }

  @Test func certificate() throws {
    let (value, _) = try decode(
      Certificate.self,
      #"{"metadata":{"name":"c","namespace":"d"},"type":"kubernetes.io/tls","data":{"tls.crt":"Zm9v","tls.key":"Zm8="}}"#
    )
    #expect(value.chain == Array("foo".utf8) && value.key == Array("fo".utf8))
  }

  @Test(arguments: [
    (#"{}"#, "metadata.name"), (#"{"metadata":{"name":"c"},"type":"Opaque"}"#, "type"),
    (#"{"metadata":{"name":"c"},"type":"kubernetes.io/tls"}"#, "data[tls.crt]"),
    (
      #"{"metadata":{"name":"c"},"type":"kubernetes.io/tls","data":{"tls.crt":"Zm9v","tls.key":"Zm9"}}"#,
      "data[tls.key]"
    ),
  ])
  func badCertificates(text: String, field: String) throws {
    let error = #expect(throws: ModelError.self) { try decode(Certificate.self, text) }
    #expect(error?.field == field && error?.found.contains("Zm9") == false)
  }

  @Test func errorsSayWhatWasFound() throws {
    var warnings: [ModelError] = []
    _ = try Pod(
      decoding: JSON(parsing: #"{"metadata":{"name":"w","namespace":"s"},"status":{"podIPs":[{"ip":"10.0.0.256"}]}}"#),
      warnings: &warnings)
    #expect(
      warnings.map(\.description) == [
        "Pod s/w: status.podIPs[0].ip: found \"10.0.0.256\", expected an IP address "
          + "(character 8: number 256 is greater than 255)"
      ])
  }
}
