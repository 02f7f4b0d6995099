internal import Addressing
internal import JSON
internal import Kubernetes

/// The objects every cluster has: four namespaces and the Service that leads to the API itself.
struct Bootstrap {
  let handler: APIHandler
  let configuration: APIServerConfiguration

  func run() throws {
    for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
      try ensure("/api/v1/namespaces", ["kind": "Namespace", "apiVersion": "v1", "metadata": ["name": .string(name)]])
    }
    guard let range = configuration.serviceRanges.first, let address = range.address(at: 1) else { return }
    let labels: JSON = ["component": "apiserver", "provider": "kubernetes"]
    try ensure(
      "/api/v1/namespaces/default/services",
      [
        "kind": "Service", "apiVersion": "v1", "metadata": ["name": "kubernetes", "labels": labels],
        "spec": [
          "clusterIP": .string("\(address)"),
          "ports": [
            ["name": "https", "protocol": "TCP", "port": 443, "targetPort": .int(Int64(configuration.advertisedPort))]
          ],
        ],
      ])
    guard let endpoint = configuration.advertisedAddress else { return }
    let port: JSON = [
      "name": "https", "port": .int(Int64(configuration.advertisedPort)), "protocol": "TCP",
    ]
    try ensure(
      "/api/v1/namespaces/default/endpoints",
      [
        "kind": "Endpoints", "apiVersion": "v1",
        "metadata": ["name": "kubernetes", "labels": ["endpointslice.kubernetes.io/skip-mirror": "true"]],
        "subsets": [["addresses": [["ip": .string("\(endpoint)")]], "ports": [port]]],
      ], comparing: "subsets")
    try ensure(
      "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
      [
        "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
        "metadata": ["name": "kubernetes", "labels": ["kubernetes.io/service-name": "kubernetes"]],
        "addressType": .string(endpoint.family.name), "ports": [port],
        "endpoints": [["addresses": [.string("\(endpoint)")], "conditions": ["ready": true]]],
      ], comparing: "endpoints", "ports")
  }

  /// Creates an object if there is none; where one of the fields differs from what it should be, puts that right.
  private func ensure(_ path: String, _ object: JSON, comparing fields: String...) throws {
    let name = object["metadata", "name"].string ?? ""
    let found = try send(APIRequest("GET", "\(path)/\(name)"))
    if found.status == 404 {
      try expect(send(APIRequest("POST", path, body: object.bytes())), "create \(path)/\(name)")
      return
    }
    try expect(found, "read \(path)/\(name)")
    let current = try JSON(parsing: found.body)
    guard fields.contains(where: { current[$0] != object[$0] }) else { return }
    var wanted = current
    for field in fields { wanted[field] = object[field] }
    try expect(send(APIRequest("PUT", "\(path)/\(name)", body: wanted.bytes())), "update \(path)/\(name)")
  }

  private func send(_ request: APIRequest) throws -> APIResponse { try LocalTransport(handler).send(request) }

  private func expect(_ response: APIResponse, _ what: String) throws {
    guard response.status >= 300 else { return }
    let message = (try? JSON(parsing: response.body))?["message"].string ?? "status \(response.status)"
    throw StoreError(configuration.databasePath, "cannot \(what): \(message)")
  }
}
