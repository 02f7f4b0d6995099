import Addressing
import Diagnosis
import Glibc
import JSON
import Kubernetes
import Linux
import Testing

/// What comes out: configurations that are read back, pictures, JSON.
@Suite struct PlanOutputTests {
  static let dual = PlanSample(
    nodes: ["192.168.77.0/24", "fd12:3456:7890::/64"], pods: ["10.244.0.0/16", "fd12:3456:7890:8000::/56"],
    services: ["10.96.0.0/16", "fd12:3456:7890:1::/112"])

  private func documents(_ emission: PlanEmission, _ sample: PlanSample) throws -> [JSON] {
    try YAML.parse(emission.text(of: sample.request), file: "emitted").map(\.value)
  }

  @Test func kubeadm() throws {
    let single = try documents(.kubeadm, PlanSample())
    #expect(
      single == [
        [
          "apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration",
          "networking": ["podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/16"],
          "controllerManager": ["extraArgs": [["name": "node-cidr-mask-size", "value": "24"]]],
        ]
      ])
    var sample = Self.dual
    sample.masks = [.v4: 23]
    sample.podsPerNode = 200
    let both = try documents(.kubeadm, sample)
    #expect(both.count == 2)
    #expect(both[0]["networking", "podSubnet"] == "10.244.0.0/16,fd12:3456:7890:8000::/56")
    #expect(both[0]["networking", "serviceSubnet"] == "10.96.0.0/16,fd12:3456:7890:1::/112")
    #expect(
      both[0]["controllerManager", "extraArgs"] == [
        ["name": "node-cidr-mask-size-ipv4", "value": "23"], ["name": "node-cidr-mask-size-ipv6", "value": "64"],
      ])
    #expect(
      both[1] == ["apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "maxPods": 200])
  }

  @Test func kind() throws {
    let single = try documents(.kind, PlanSample())
    #expect(
      single == [
        [
          "kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4",
          "networking": ["ipFamily": "ipv4", "podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/16"],
          "nodes": [["role": "control-plane"], ["role": "worker"], ["role": "worker"], ["role": "worker"]],
        ]
      ])
    var sample = Self.dual
    sample.masks = [.v4: 25]
    sample.podsPerNode = 60
    sample.nodeCount = 100
    let both = try documents(.kind, sample)[0]
    #expect(both["networking", "ipFamily"] == "dual" && both["nodes"].elements.count == 6)
    let patches = try both["kubeadmConfigPatches"].elements.map {
      try YAML.parse($0.string ?? "", file: "patch")[0].value
    }
    #expect(
      patches == [
        [
          "kind": "ClusterConfiguration",
          "controllerManager": [
            "extraArgs": ["node-cidr-mask-size-ipv4": "25", "node-cidr-mask-size-ipv6": "64"]
          ],
        ], ["kind": "KubeletConfiguration", "maxPods": 60],
      ])
  }

  @Test func flannel() throws {
    #expect(
      try JSON(parsing: PlanEmission.flannel.text(of: PlanSample().request)) == [
        "EnableIPv4": true, "EnableIPv6": false, "Network": "10.244.0.0/16", "SubnetLen": 24,
        "Backend": ["Type": "vxlan"],
      ])
    let both = try JSON(parsing: PlanEmission.flannel.text(of: Self.dual.request))
    #expect(both["IPv6Network"] == "fd12:3456:7890:8000::/56" && both["IPv6SubnetLen"] == 64)
    #expect(both["EnableIPv6"] == true)
  }

  @Test func swiftlet() {
    #expect(
      PlanEmission.swiftlet.text(of: PlanSample().request) == """
        swiftlet server --pod-range 10.244.0.0/16 --service-range 10.96.0.0/16
        swiftlet agent --kubeconfig FILE --node-name NAME --pod-range 10.244.0.0/16 --service-range 10.96.0.0/16 \
        --node-range 192.168.77.0/24 --cluster-dns 10.96.0.10
        swiftlet lab up --nodes 3 --pod-range 10.244.0.0/16 --service-range 10.96.0.0/16 --node-range 192.168.77.0/24

        """)
    let unusual = PlanEmission.swiftlet.text(of: PlanSample(masks: [.v4: 25]).request)
    #expect(unusual.contains("--service-range 10.96.0.0/16 --node-mask 25\n") && !unusual.contains("lab up"))
  }

  @Test func json() throws {
    var sample = PlanSample(nodes: [], pods: ["10.96.0.0/12"], taken: ["vpn 10.8.0.0/24"])
    sample.maximum = 9
    let json = try JSON(parsing: PlanReport(sample.request).json.prettyDescription())
    #expect(json["sound"] == false && json["for"] == ["kubeadm"] && json["families"] == ["IPv4"])
    #expect(json["podRanges"] == [["range": "10.96.0.0/12", "from": "--pod-range", "nodeMask": 24]])
    #expect(json["nodeRanges"][0]["from"] == "the proposal" && !json["nodeRanges"][0]["reasons"].elements.isEmpty)
    #expect(json["taken"] == [["range": "10.8.0.0/24", "from": "--avoid", "kind": "vpn"]])
    #expect(json["demand", "nodes"] == 3 && json["demand", "maximumNodes"] == 9)
    let overlap = try #require(json["findings"].elements.first { $0["rule"] == "overlap" })
    #expect(overlap["severity"] == "error" && overlap["where"] == "pod range 10.96.0.0/12 (from --pod-range)")
    #expect(overlap["found"] == "contains service range 10.96.0.0/16 (from --service-range)")
    for key in ["meaning", "expected", "remedy", "source"] { #expect(overlap[key].string?.isEmpty == false) }
  }

  /// The picture without colours, character by character.
  @Test func thePicture() {
    let sample = PlanSample(
      nodes: ["10.16.0.0/24"], taken: ["vpn 10.8.0.0/16", "office 192.168.0.0/16"], maximum: 100, serviceCount: 4000)
    let text = PlanReport(sample.request).text(width: 90, hasColour: false)
    let picture = """

      10.0.0.0/8
      ·░▒··········▓····················█·
       ││          │                    └─── pod range 10.244.0.0/16 (from --pod-range)
       ││          └──────────────────────── service range 10.96.0.0/16 (from --service-range)
       │└─────────────────────────────────── node range 10.16.0.0/24 (from --node-range)
       └──────────────────────────────────── VPN 10.8.0.0/16 (from --avoid)

      192.168.0.0/16
      ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
                          └────────────────────── office network 192.168.0.0/16 (from --avoid)

      node range 10.16.0.0/24     █▓▓▓▓·······  3 nodes, 100 at most, of 256 addresses
      pod range 10.244.0.0/16     █▓▓▓▓·······  3 nodes, 100 at most, of 256 parts of /24
        a node's /24 of it        █████▓······  110 pods, 138 in a rollout, of 253 addresses
      service range 10.96.0.0/16  ▒···········  4000 Services, 256 addresses on request only, of 65536

      ▒ node  █ pod  ▓ service  ░ taken  ! conflict  · free

      """
    #expect(text.contains(picture), "\(text)")
    #expect(!text.contains("\u{1B}"))
    #expect(text.contains("3 nodes, 100 at most, of 256 parts of /24"))
    #expect(text.contains("4000 Services, 256 addresses on request only, of 65536"))
    #expect(
      text.hasSuffix("sound for kubeadm: 0 errors, 0 warnings, \(PlanReport(sample.request).findings.count) notes\n"))
    #expect(PlanReport(sample.request).text(width: 90, hasColour: true).contains("\u{1B}[32m█\u{1B}[0m"))
  }

  @Test func conflictsAreMarked() {
    let text = PlanReport(PlanSample(pods: ["10.96.0.0/12"]).request).text(width: 100, hasColour: false)
    #expect(text.split(separator: "\n").contains { $0.contains("█") && $0.contains("!") }, "\(text)")
    #expect(text.contains("error [overlap]") && text.contains("unsound for kubeadm: 1 error,"))
  }

  @Test(arguments: [40, 60, 80, 120, 200]) func findingsFitTheWidth(width: Int) {
    let report = PlanReport(PlanSample(pods: ["10.96.0.0/12"], taken: ["docker-pool 192.168.0.0/16"]).request)
    let text = report.text(width: width, hasColour: false)
    let findings = text.split(separator: "\n").drop { !$0.hasPrefix("error") }
    #expect(!findings.isEmpty && findings.allSatisfy { $0.count <= max(width, 60) }, "\(text)")
  }

  /// Well-formed by Python's parser, every label readable: none touches another or leaves the drawing.
  @Test func theDrawing() throws {
    var sample = Self.dual
    sample.taken = [
      "office 10.0.0.0/12", "vpn 10.244.7.0/24", "docker-pool 172.17.0.0/16", "link 192.168.77.0/24",
      "vpc 100.64.0.0/10",
    ]
    var request = sample.request
    request.taken.append(
      PlannedRange(.reserved, Prefix("10.200.0.0/16")!, from: "<\"R&D's\">\u{1}", network: .office))
    let drawing = PlanDrawing(request).text
    let script = """
      import sys, json, xml.etree.ElementTree as tree
      root = tree.fromstring(sys.stdin.buffer.read())
      name = lambda e: e.tag.split('}')[1]
      print(json.dumps({'root': name(root), 'width': int(root.get('width')), 'height': int(root.get('height')),
        'texts': [[float(e.get('x')), float(e.get('y')), e.text] for e in root.iter() if name(e) == 'text'],
        'bars': [[float(e.get(k)) for k in ('x', 'y', 'width', 'height')] for e in root.iter()
          if name(e) == 'rect' and '%' not in e.get('width')]}))
      """
    let result = try ChildProcess.run(["python3", "-c", script], input: Array(drawing.utf8))
    try #require(result.status.isSuccess, "\(result.errorOutput)\n\(drawing)")
    let parsed = try JSON(parsing: result.standardOutput)
    #expect(parsed["root"] == "svg")
    struct Box {
      let text: String
      let left: Double, right: Double, top: Double, bottom: Double
    }
    func number(_ json: JSON) -> Double { if case .double(let value) = json { value } else { Double(json.int ?? 0) } }
    let boxes = parsed["texts"].elements.map { entry in
      let text = entry[2].string ?? ""
      let (x, y) = (number(entry[0]), number(entry[1]))
      return Box(text: text, left: x, right: x + Double(text.count) * 8, top: y - 12, bottom: y + 4)
    }
    #expect(boxes.count > 15)
    for (index, box) in boxes.enumerated() {
      #expect(box.right <= number(parsed["width"]) && box.bottom <= number(parsed["height"]), "\(box)")
      for other in boxes[..<index] {
        let isApart =
          box.right < other.left || other.right < box.left || box.bottom <= other.top || other.bottom <= box.top
        #expect(isApart, "\(box) and \(other)")
      }
    }
    for range in request.planned + request.taken where range.network != .office {
      #expect(boxes.contains { $0.text == range.description }, "\(range)")
    }
    #expect(boxes.contains { $0.text.contains("<\"R&D's\">\u{FFFD}") })
    for bar in parsed["bars"].elements {
      #expect(number(bar[2]) >= 0 && number(bar[0]) + number(bar[2]) <= number(parsed["width"]), "\(bar)")
    }
  }
}
