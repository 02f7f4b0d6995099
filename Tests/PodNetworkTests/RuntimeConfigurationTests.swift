import Addressing
import JSON
import Testing

@testable import PodNetwork

@Suite struct RuntimeConfigurationTests {
  private func read(_ change: (inout JSON) -> Void) throws -> NetworkConfiguration {
    var json = NetworkConfigurationTests.valid.request()
    change(&json)
    return try NetworkConfiguration(json)
  }

  @Test func everyCapabilityIsRead() throws {
    let configuration = try read { json in
      json["runtimeConfig"] = [
        "portMappings": [
          ["hostPort": 8080, "containerPort": 80, "protocol": "TCP", "hostIP": ""],
          ["hostPort": 53, "containerPort": 5353, "protocol": "udp", "hostIP": "192.0.2.1"],
          ["hostPort": 0, "containerPort": 9, "protocol": "tcp"],
          ["hostPort": 8080, "containerPort": 80],
        ],
        "bandwidth": ["ingressRate": 8_000_000, "ingressBurst": 400_000, "egressRate": 1_000_000],
        "ipRanges": [[["subnet": "10.9.0.0/24"]]], "ips": ["10.244.1.7", "fd00:1::7/64"],
        "mac": "0a:58:0a:00:00:01", "aliases": ["web", "www"],
        "dns": ["servers": ["10.96.0.10"], "searches": ["a.example"], "options": ["ndots:5"]],
      ]
    }
    let runtime = configuration.runtime
    #expect(
      runtime.portMappings == [
        PortMapping(.tcp, hostPort: 8080, containerPort: 80),
        PortMapping(.udp, hostPort: 53, containerPort: 5353, hostAddress: IPAddress("192.0.2.1")!),
      ])
    #expect(runtime.ingress == BandwidthLimit(rate: 8_000_000, burst: 400_000))
    #expect(runtime.egress == BandwidthLimit(rate: 1_000_000, burst: 100_000))
    #expect(configuration.rangeSets.map { "\($0.ranges[0].subnet)" }.first == "10.9.0.0/24")
    #expect(configuration.rangeSets.count == 3)
    #expect(runtime.addresses.map(\.description) == ["10.244.1.7", "fd00:1::7"])
    #expect(runtime.mac?.description == "0a:58:0a:00:00:01" && runtime.aliases == ["web", "www"])
    #expect(
      configuration.dns == ["nameservers": ["10.96.0.10"], "search": ["a.example"], "options": ["ndots:5"]])
  }

  /// What is in `runtimeConfig` and a part of the error.
  static let refused: [(field: String, value: JSON, part: String)] = [
    ("portMappings", 7, "runtimeConfig.portMappings"),
    ("portMappings", [["hostPort": 70000, "containerPort": 80]], "portMappings[0].hostPort is 70000"),
    ("portMappings", [["hostPort": 80]], "portMappings[0].containerPort is missing"),
    ("portMappings", [["hostPort": 80, "containerPort": 0]], "containerPort is 0"),
    ("portMappings", [["hostPort": 80, "containerPort": 80, "protocol": "icmp"]], "tcp, udp or sctp"),
    ("portMappings", [["hostPort": 80, "containerPort": 80, "hostIP": "here"]], "portMappings[0].hostIP"),
    (
      "portMappings",
      [["hostPort": 80, "containerPort": 80], ["hostPort": 80, "containerPort": 81, "hostIP": "192.0.2.1"]],
      "portMappings[1]"
    ),
    ("bandwidth", ["ingressRate": 10], "ingressRate is 10"),
    ("bandwidth", ["egressRate": "1M"], "egressRate is \"1M\""),
    ("bandwidth", ["egressBurst": 1000], "egressBurst is given without"),
    ("ips", ["x"], "runtimeConfig.ips[0]"), ("ips", "10.244.1.7", "runtimeConfig.ips"),
    ("mac", "01:00:5e:00:00:01", "runtimeConfig.mac"), ("mac", "soup", "runtimeConfig.mac"),
    ("aliases", ["a b"], "runtimeConfig.aliases[0]"),
    ("ipRanges", [[["subnet": "10.244.0.0/16"]]], "overlap"),
  ]

  @Test(arguments: refused.indices)
  func refuses(index: Int) {
    let test = Self.refused[index]
    let error = #expect(throws: CNIError.self) {
      _ = try read {
        $0["runtimeConfig"] = [:]; $0["runtimeConfig", test.field] = test.value
      }
    }
    #expect(error?.code == .invalidConfiguration)
    #expect(error?.message.contains(test.part) == true, "\(error?.message ?? "")")
  }

  @Test func fieldsThatWouldMakeAnotherNetworkAreRefused() {
    for (field, value) in [("vlan", 7), ("promiscMode", true), ("vlanTrunk", [["id": 7]])] as [(String, JSON)] {
      let error = #expect(throws: CNIError.self) { _ = try read { $0[field] = value } }
      #expect(error?.code == .unsupportedField && error?.message.contains("\(field): \(value)") == true)
    }
    #expect(throws: Never.self) {
      try read {
        $0["vlan"] = 0; $0["isGateway"] = true; $0["promiscMode"] = false
      }
    }
  }

  /// Runtimes without a notion of burst pass the largest number of 31 or 32 bits.
  @Test func burstsNobodyMeantAreATenthOfASecond() throws {
    for burst in [2_147_483_646, 2_147_483_647, 4_294_967_295] as [Int64] {
      let runtime = try read { $0["runtimeConfig", "bandwidth"] = ["ingressRate": 1000, "ingressBurst": .int(burst)] }
      #expect(runtime.runtime.ingress == BandwidthLimit(rate: 1000, burst: 100))
    }
    // The members that Debian's bandwidth has; the capability comes first.
    let fixed = try read { json in
      json["ingressRate"] = 5000
      json["egressRate"] = 6000
      json["runtimeConfig", "bandwidth"] = ["egressRate": 7000]
    }
    #expect(fixed.runtime.ingress?.rate == 5000 && fixed.runtime.egress?.rate == 7000)
  }

  static let arguments: [(text: String, addresses: [String], mac: String?, pod: String?)] = [
    ("", [], nil, nil),
    ("IP=10.244.1.9", ["10.244.1.9"], nil, nil),
    ("IP=10.244.1.9,fd00::9/64;MAC=0a:00:00:00:00:01", ["10.244.1.9", "fd00::9"], "0a:00:00:00:00:01", nil),
    ("IgnoreUnknown=1;FOO=bar;K8S_POD_NAMESPACE=a;K8S_POD_NAME=b", [], nil, "a/b"),
    ("IgnoreUnknown=true;X=y=z", [], nil, nil), ("K8S_POD_NAME=b;K8S_POD_NAMESPACE=;K8S_POD_UID=1", [], nil, "b"),
    ("K8S_POD_NAME=b c", [], nil, nil), ("IP=;MAC=", [], nil, nil),
  ]

  @Test(arguments: arguments.indices)
  func readsArguments(index: Int) throws {
    let test = Self.arguments[index]
    let arguments = try CNIArguments(test.text)
    #expect(arguments.addresses.map(\.description) == test.addresses)
    #expect(arguments.mac?.description == test.mac && arguments.pod == test.pod)
  }

  @Test(arguments: [
    ("FOO=bar;BAR=1", "BAR, FOO"), ("FOO", "KEY=VALUE"), ("IgnoreUnknown=maybe", "maybe"), ("IP=10.0.0", "IP"),
    ("MAC=01:00:5e:00:00:01", "MAC"), ("IgnoreUnknown=0;FOO=bar", "FOO"),
  ])
  func refusesArguments(text: String, part: String) {
    let environment = ["CNI_CONTAINERID": "a", "CNI_NETNS": "/x", "CNI_IFNAME": "eth0", "CNI_ARGS": text]
    let error = #expect(throws: CNIError.self) {
      _ = try CNIRequest(environment: environment.merging(["CNI_COMMAND": "ADD"]) { $1 })
    }
    #expect(error?.code == .invalidEnvironment && error?.message.contains(part) == true, "\(error?.message ?? "")")
    // They do not keep a pod from going.
    #expect(throws: Never.self) { try CNIRequest(environment: environment.merging(["CNI_COMMAND": "DEL"]) { $1 }) }
  }

  @Test func theCapabilityComesBeforeTheArguments() throws {
    var runtime = try read { $0["runtimeConfig", "mac"] = "0a:00:00:00:00:01" }.runtime
    runtime.add(try CNIArguments("MAC=0a:00:00:00:00:02;IP=10.244.1.5"))
    #expect(runtime.mac?.description == "0a:00:00:00:00:01" && runtime.addresses.map(\.description) == ["10.244.1.5"])
    let args = try read { $0["args", "cni"] = ["mac": "0a:00:00:00:00:03", "ips": ["10.244.1.6"]] }.runtime
    #expect(args.mac?.description == "0a:00:00:00:00:03" && args.addresses.map(\.description) == ["10.244.1.6"])
  }

  /// For each verb every set of variables: the code, and all that is missing named at once.
  @Test func environmentOfEveryVerb() throws {
    let variables = ["CNI_CONTAINERID": "a", "CNI_NETNS": "/run/netns/none", "CNI_IFNAME": "eth0"]
    let needed: [(verb: String, variables: [String])] = [
      ("ADD", ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"]), ("DEL", ["CNI_CONTAINERID", "CNI_IFNAME"]),
      ("CHECK", ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"]), ("GC", []), ("STATUS", []), ("VERSION", []),
    ]
    for (verb, required) in needed {
      for mask in 0..<8 {
        let given = variables.keys.sorted().enumerated().filter { mask >> $0.offset & 1 == 1 }.map(\.element)
        for value in ["absent", "empty"] {
          var environment = ["CNI_COMMAND": verb]
          for name in variables.keys {
            if given.contains(name) {
              environment[name] = variables[name]
            } else if value == "empty" {
              environment[name] = ""
            }
          }
          let missing = required.filter { !given.contains($0) }
          // Whatever is not missing comes to the configuration, which is no JSON.
          let answer = CNIPlugin().answer(environment: environment) { Array("{".utf8) }
          let json = try JSON(parsing: answer.output)
          if verb == "VERSION" {
            #expect(answer.status == 0)
          } else if missing.isEmpty {
            #expect(json["code"] == 6, "\(environment)")
          } else {
            #expect(json["code"] == 4 && answer.status == 1, "\(environment)")
            #expect(json["msg"].string?.hasSuffix(": " + missing.joined(separator: ", ")) == true, "\(json)")
          }
        }
      }
    }
  }
}
