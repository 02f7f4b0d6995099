internal import Addressing
internal import JSON
internal import Kubernetes

/// The objects every cluster has: namespaces and the Service that leads to the API itself.
struct Bootstrap {
  let handler: APIHandler
  let configuration: APIServerConfiguration

  func run() throws {
    for name in ["default", "kube-system", "kube-public", "kube-node-lease", NodeAuthorizer.announcementNamespace] {
      try ensure("/api/v1/namespaces", ["kind": "Namespace", "apiVersion": "v1", "metadata": ["name": .string(name)]])
    }
    try ensureServiceRange()
    let families = configuration.ownFamilies
    guard !families.isEmpty else { return }
    let port = configuration.advertisedPort
    let addresses = configuration.serviceRanges.filter { families.contains($0.family) }.compactMap { $0.address(at: 1) }
    let labels: JSON = ["component": "apiserver", "provider": "kubernetes"]
    // The fields that the allocator completes are written as it does, so that a second start compares equal. A store from
    // before the second family gets it now.
    try ensure(
      "/api/v1/namespaces/default/services",
      [
        "kind": "Service", "apiVersion": "v1", "metadata": ["name": "kubernetes", "labels": labels],
        "spec": [
          "clusterIP": .string("\(addresses[0])"), "clusterIPs": .array(addresses.map { .string("\($0)") }),
          "ipFamilies": .array(families.map { .string($0.name) }),
          "ipFamilyPolicy": families.count == 2 ? "RequireDualStack" : "SingleStack",
          "ports": [["name": "https", "protocol": "TCP", "port": 443, "targetPort": .int(Int64(port))]],
        ],
      ], comparing: ["spec", "clusterIPs"], ["spec", "ipFamilies"], ["spec", "ipFamilyPolicy"])
    let endpoints = families.compactMap { family in configuration.advertisedAddresses.first { $0.family == family } }
    guard let primary = endpoints.first else { return }
    let ports: JSON = [["name": "https", "port": .int(Int64(port)), "protocol": "TCP"]]
    // Endpoints know one family, as the Service's first address.
    try ensure(
      "/api/v1/namespaces/default/endpoints",
      [
        "kind": "Endpoints", "apiVersion": "v1",
        "metadata": ["name": "kubernetes", "labels": ["endpointslice.kubernetes.io/skip-mirror": "true"]],
        "subsets": [["addresses": [["ip": .string("\(primary)")]], "ports": ports]],
      ], comparing: ["subsets"])
    for endpoint in endpoints {
      // The primary family's slice has the name that kube-apiserver gives it.
      let name = endpoint == primary ? "kubernetes" : "kubernetes-\(endpoint.family.name.lowercased())"
      try ensure(
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
        [
          "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
          "metadata": ["name": .string(name), "labels": ["kubernetes.io/service-name": "kubernetes"]],
          "addressType": .string(endpoint.family.name), "ports": ports,
          "endpoints": [["addresses": [.string("\(endpoint)")], "conditions": ["ready": true]]],
        ], comparing: ["endpoints"], ["ports"])
    }
  }

  /// The ServiceCIDR `kubernetes`. A second family is added to it; what else it has stays, since Services have addresses of
  /// it: who starts with other ranges is told so.
  private func ensureServiceRange() throws {
    guard !configuration.serviceRanges.isEmpty else { return }
    let path = "/apis/networking.k8s.io/v1/servicecidrs"
    let wanted = configuration.serviceRanges.map { JSON.string("\($0)") }
    let found = try send(APIRequest("GET", "\(path)/kubernetes"))
    let stored = found.status == 404 ? [] : try JSON(parsing: found.body)["spec", "cidrs"].elements
    if let first = stored.first, first != wanted.first || stored.count == 2 && wanted.count == 2 && stored != wanted {
      throw StoreError(
        configuration.databasePath,
        "holds the ServiceCIDR kubernetes with \(JSON.array(stored)), found option --service-range \(JSON.array(wanted)): "
          + "start with the stored ranges, and create another ServiceCIDR for more addresses")
    }
    if stored.count > wanted.count { return }
    try ensure(
      path,
      [
        "kind": "ServiceCIDR", "apiVersion": "networking.k8s.io/v1", "metadata": ["name": "kubernetes"],
        "spec": ["cidrs": .array(wanted)],
      ], comparing: ["spec", "cidrs"])
  }

  /// Creates an object if there is none; where one of the fields differs from what it should be, puts that right.
  private func ensure(_ path: String, _ object: JSON, comparing fields: [String]...) throws {
    let name = object["metadata", "name"].string ?? ""
    let found = try send(APIRequest("GET", "\(path)/\(name)"))
    if found.status == 404 {
      try expect(send(APIRequest("POST", path, body: object.bytes())), "create \(path)/\(name)")
      return
    }
    try expect(found, "read \(path)/\(name)")
    let current = try JSON(parsing: found.body)
    func value(_ field: [String], of object: JSON) -> JSON { field.reduce(object) { $0[$1] } }
    guard fields.contains(where: { value($0, of: current) != value($0, of: object) }) else { return }
    var wanted = current
    for field in fields {
      if field.count == 2 { wanted[field[0], field[1]] = value(field, of: object) }
      if field.count == 1 { wanted[field[0]] = object[field[0]] }
    }
    try expect(send(APIRequest("PUT", "\(path)/\(name)", body: wanted.bytes())), "update \(path)/\(name)")
  }

  private func send(_ request: APIRequest) throws -> APIResponse { try LocalTransport(handler).send(request) }

  private func expect(_ response: APIResponse, _ what: String) throws {
    guard response.status >= 300 else { return }
    let message = (try? JSON(parsing: response.body))?["message"].string ?? "status \(response.status)"
    throw StoreError(configuration.databasePath, "cannot \(what): \(message)")
  }
}
