import Addressing
import ControlPlane
import Glibc
import JSON
import Kubernetes
import Linux

let controlPlaneParsers: [String: Parser] = [
  "json-patch": { bytes in
    guard let json = try? JSON(parsing: bytes), let patch = try? JSONPatch(json) else { return }
    if let result = try? patch.apply(to: sample) { check(result) }
  },
  "merge-patch": { bytes in
    if let patch = try? JSON(parsing: bytes) { check(MergePatch.apply(patch, to: sample)) }
  },
  "strategic-patch": { bytes in
    guard let patch = try? JSON(parsing: bytes) else { return }
    let result = try? StrategicMergePatch(schema: schema).apply(patch, to: sample, message: "Deployment")
    if let result { check(result) }
  },
  // Two managers lay configurations over an object, one after the other.
  "apply": { bytes in
    let (first, second) = halves(bytes)
    guard let first = try? JSON(parsing: first), let kind = kinds.find("apps/v1", plural: "deployments") else {
      return
    }
    let fields = ManagedFields(schema: schema, kind: kind)
    let one = try? fields.apply(first, over: sample, manager: "one", force: true, subresource: "")
    guard let one else { return }
    check(one)
    guard let second = try? JSON(parsing: second) else { return }
    if let two = try? fields.apply(second, over: one, manager: "two", force: false, subresource: "") { check(two) }
    if var two = try? fields.apply(second, over: one, manager: "one", force: true, subresource: "") {
      fields.record(manager: "three", old: one, new: &two, subresource: "status")
      check(two)
    }
  },
  "protobuf": { bytes in
    if let object = try? ProtobufDecoder(schema: schema, kinds: kinds).decode(bytes) { check(object) }
  },
  "selectors": { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    if let labels = try? LabelSelector(parsing: text) { _ = labels.matches(["app": "web"] as JSON) }
    for kind in kinds.all {
      if let fields = try? FieldSelector(parsing: text, kind: kind) { _ = fields.matches(sample) }
    }
  },
  "target": { bytes in
    guard let target = try? RequestTarget(String(decoding: bytes, as: UTF8.self)) else { return }
    _ = (target.flag("watch"), try? target.number("limit"))
  },
  "tokens": { bytes in _ = try? TokenFile(text: String(decoding: bytes, as: UTF8.self)) },
  "quantity": { bytes in
    guard let json = try? JSON(parsing: bytes) else { return }
    if let quantity = Quantity(json) { _ = (quantity.thousandths, quantity.divided(by: .one)) }
    _ = PodRequests.thousandths(json)
  },
  "api-time": { bytes in
    guard let moment = Timestamp(String(decoding: bytes, as: UTF8.self)) else { return }
    precondition(Timestamp(moment.description)?.seconds == moment.seconds, "a time that was written does not read back")
  },
  // Whole requests: method, target, Content-Type and Accept, a line each, then the body. Nothing of it is kept
  // (`dryRun`), so that each input meets the same cluster.
  "api": { bytes in
    let lines = bytes.split(separator: 0x0A, maxSplits: 4, omittingEmptySubsequences: false)
    guard lines.count == 5 else { return }
    let text = lines.map { String(decoding: $0, as: UTF8.self) }
    let request = APIRequest(
      text[0], text[1] + (text[1].contains("?") ? "&" : "?") + "dryRun=All",
      headers: ["content-type": text[2], "accept": text[3], "user-agent": "fuzz"], body: Array(lines[4]))
    guard case .response(let response) = server.handler.handle(request, user: .system) else { return }
    precondition(response.status != 500, "the server blames itself: \(String(decoding: response.body, as: UTF8.self))")
  },
]

private let schema = Schema()
private let kinds = ResourceKinds()

/// What was made of foreign bytes is stored, sent and read back: it must be JSON of bounded depth.
private func check(_ value: JSON) {
  precondition((try? JSON(parsing: value.bytes())) != nil, "the result is no JSON that could be read back")
}

private let sample: JSON = [
  "kind": "Deployment", "apiVersion": "apps/v1",
  "metadata": [
    "name": "web", "namespace": "default", "labels": ["app": "web"], "finalizers": ["a", "b"],
    "managedFields": [
      [
        "manager": "kubectl", "operation": "Update", "apiVersion": "apps/v1",
        "fieldsV1": ["f:spec": ["f:replicas": [:]]],
      ]
    ],
  ],
  "spec": [
    "replicas": 2, "selector": ["matchLabels": ["app": "web"]], "strategy": ["type": "RollingUpdate"],
    "template": [
      "metadata": ["labels": ["app": "web"]],
      "spec": [
        "containers": [
          [
            "name": "web", "image": "nginx", "ports": [["containerPort": 80], ["containerPort": 443]],
            "env": [["name": "A", "value": "1"], ["name": "B", "value": "2"]],
          ]
        ]
      ],
    ],
  ],
]

/// A server with an object of each of the usual kinds, on a database in a folder of its own.
private let server: APIServer = {
  let folder = "/tmp/swiftlet-fuzz-\(getpid())"
  do {
    try Files.makeDirectories(folder)
    defer { try? Files.removeTree(folder) }
    var configuration = APIServerConfiguration(
      databasePath: folder + "/api.db", serviceRanges: [try Prefix(parsing: "10.96.0.0/16")])
    configuration.advertisedAddresses = [IPAddress("192.168.77.2")!]
    let server = try APIServer(configuration)
    let pod: JSON = ["containers": [["name": "c", "image": "nginx"]]]
    let objects: [(String, JSON)] = [
      ("/api/v1/namespaces/default/pods", ["metadata": ["name": "a"], "spec": pod]),
      (
        "/api/v1/namespaces/default/pods",
        ["metadata": ["name": "b"], "spec": MergePatch.apply(["nodeName": "n"], to: pod)]
      ),
      (
        "/api/v1/namespaces/default/services",
        ["metadata": ["name": "a"], "spec": ["ports": [["port": 80]], "selector": ["app": "a"]]]
      ),
      ("/api/v1/namespaces/default/configmaps", ["metadata": ["name": "a"], "data": ["a": "1"]]),
      ("/api/v1/nodes", ["metadata": ["name": "n"]]),
      ("/apis/apps/v1/namespaces/default/deployments", ["metadata": ["name": "web"], "spec": sample["spec"]]),
    ]
    for (path, object) in objects {
      let request = APIRequest("POST", path, headers: ["content-type": "application/json"], body: object.bytes())
      let response = try server.transport.send(request)
      precondition(response.status == 201, String(decoding: response.body, as: UTF8.self))
    }
    return server
  } catch {
    preconditionFailure("\(error)")
  }
}()
