import ControlPlane
import JSON
import Testing

/// The columns people know, of every kind: `*` after a name for wide ones, `#` for numbers, `_` for a space.
@Suite("Columns")
struct ColumnTests {
  static let columns: [(path: String, columns: String)] = [
    ("/api/v1/pods", "Name Ready Status Restarts Age IP* Node* Nominated_Node* Readiness_Gates*"),
    ("/api/v1/services", "Name Type Cluster-IP External-IP Port(s) Age Selector*"),
    (
      "/api/v1/nodes",
      "Name Status Roles Age Version Internal-IP* External-IP* OS-Image* Kernel-Version* Container-Runtime*"
    ), ("/api/v1/namespaces", "Name Status Age"),
    ("/apis/apps/v1/deployments", "Name Ready Up-to-date# Available# Age Containers* Images* Selector*"),
    ("/apis/apps/v1/replicasets", "Name Desired# Current# Ready# Age Containers* Images* Selector*"),
    ("/apis/apps/v1/statefulsets", "Name Ready Age Containers* Images*"),
    (
      "/apis/apps/v1/daemonsets",
      "Name Desired# Current# Ready# Up-to-date# Available# Node_Selector Age Containers* Images* Selector*"
    ), ("/apis/discovery.k8s.io/v1/endpointslices", "Name AddressType Ports Endpoints Age"),
    ("/api/v1/endpoints", "Name Endpoints Age"),
    ("/apis/networking.k8s.io/v1/networkpolicies", "Name Pod-Selector Age"),
    ("/apis/networking.k8s.io/v1/ingresses", "Name Class Hosts Address Ports Age"),
    ("/api/v1/configmaps", "Name Data# Age"), ("/api/v1/secrets", "Name Type Data# Age"),
    ("/api/v1/events", "Last_Seen Type Reason Object Subobject* Source* Message First_Seen* Count#* Name*"),
    ("/apis/batch/v1/jobs", "Name Status Completions Duration Age Containers* Images* Selector*"),
  ]

  @Test(arguments: columns.indices)
  func ofEveryKind(_ index: Int) throws {
    let (path, wanted) = Self.columns[index]
    let api = try APIFixture()
    let table = try api.send("GET", path, accept: TableTests.accept).json
    let found = table["columnDefinitions"].elements.map { column in
      let mark = column["type"] == "integer" ? "#" : ""
      let wide = column["priority"] == 1 ? "*" : ""
      return (column["name"].string ?? "").replacing(" ", with: "_") + mark + wide
    }
    #expect(found.joined(separator: " ") == wanted)
    #expect(table["rows"].array != nil)
  }

  /// An object, and the cells of its row without the ages.
  static let rows: [(path: String, object: JSON, cells: [JSON])] = [
    (
      APIFixture.services,
      [
        "metadata": ["name": "a"],
        "spec": ["type": "LoadBalancer", "ports": [["port": 80]], "selector": ["a": "1", "b": "2"]],
      ], ["a", "LoadBalancer", "IP", "<pending>", "PORT", "a=1,b=2"]
    ),
    (
      APIFixture.services, ["metadata": ["name": "a"], "spec": ["clusterIP": "None", "ports": [["port": 80]]]],
      ["a", "ClusterIP", "None", "<none>", "80/TCP", "<none>"]
    ),
    (
      APIFixture.services,
      ["metadata": ["name": "a"], "spec": ["externalIPs": ["1.1.1.1", "9.9.9.9"], "ports": [["port": 80]]]],
      ["a", "ClusterIP", "IP", "1.1.1.1,9.9.9.9", "80/TCP", "<none>"]
    ),
    (
      "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
      [
        "metadata": ["name": "a"],
        "spec": [
          "tls": [["hosts": ["x.example.com"]]],
          "defaultBackend": ["service": ["name": "s", "port": ["number": 80]]],
        ],
      ], ["a", "<none>", "*", "", "80, 443"]
    ),
    (
      "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
      [
        "metadata": ["name": "a"], "addressType": "IPv4", "ports": [["port": 80]],
        "endpoints": [
          ["addresses": ["10.0.0.1"]], ["addresses": ["10.0.0.2"]], ["addresses": ["10.0.0.3"]],
          ["addresses": ["10.0.0.4"]], ["addresses": ["10.0.0.5"]],
        ],
      ], ["a", "IPv4", "80", "10.0.0.1,10.0.0.2,10.0.0.3 + 2 more..."]
    ),
    (
      "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
      ["metadata": ["name": "a"], "addressType": "IPv6", "endpoints": []], ["a", "IPv6", "<unset>", "<unset>"]
    ),
    (
      "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
      ["metadata": ["name": "a"], "spec": ["podSelector": [:]]], ["a", "<none>"]
    ),
    (
      "/api/v1/namespaces/default/secrets", ["metadata": ["name": "a"], "stringData": ["x": "1", "y": "2"]],
      ["a", "Opaque", 2]
    ),
    (
      "/api/v1/nodes",
      [
        "metadata": ["name": "a", "labels": ["node-role.kubernetes.io/control-plane": ""]],
        "spec": ["unschedulable": true],
        "status": ["conditions": [["type": "Ready", "status": "False"]], "nodeInfo": ["kubeletVersion": "v1"]],
      ],
      [
        "a", "NotReady,SchedulingDisabled", "control-plane", "v1", "<none>", "<none>", "<unknown>", "<unknown>",
        "<unknown>",
      ]
    ),
    (
      "/api/v1/nodes", ["metadata": ["name": "a"]],
      ["a", "Unknown", "<none>", "", "<none>", "<none>", "<unknown>", "<unknown>", "<unknown>"]
    ),
  ]

  @Test(arguments: rows.indices)
  func cells(_ index: Int) throws {
    let (path, object, wanted) = Self.rows[index]
    let api = try APIFixture()
    let stored = try api.create(path, object)
    let table = try api.send("GET", path + "/a", accept: TableTests.accept).json
    let ages = table["columnDefinitions"].elements.indices.filter { table["columnDefinitions"][$0]["name"] == "Age" }
    let found = table["rows"][0]["cells"].elements.enumerated().filter { !ages.contains($0.offset) }.map(\.element)
    let expected = wanted.map { cell -> JSON in
      switch cell {
      case "IP": stored["spec", "clusterIP"]
      case "PORT": .string("80:\(stored["spec", "ports"][0]["nodePort"].int ?? 0)/TCP")
      default: cell
      }
    }
    #expect(found == expected)
  }
}
