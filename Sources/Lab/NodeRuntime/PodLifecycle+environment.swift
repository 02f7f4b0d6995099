internal import JSON
internal import Kubernetes
internal import Linux

extension PodLifecycle {
  /// The environment as of now; where the API does not answer, the one the container had before: a container that ended
  /// comes back without an API.
  func knownEnvironment(_ container: ContainerManifest) throws -> [String: String] {
    do {
      return try environment(container)
    } catch let error as TransportError {
      guard let stored = directory.storedEnvironment(container.name) else { throw error }
      return stored
    }
  }

  /// A container's whole environment: what its image would give, the Services', and its own.
  func environment(_ container: ContainerManifest) throws -> [String: String] {
    let configuration = services.configuration
    let client = services.client
    let namespace = pod.namespace
    var serviceObjects: [JSON] = []
    if observed["spec", "enableServiceLinks"].bool != false {
      serviceObjects = try client.list(.services, ListOptions(namespace: namespace)).items.map(\.json)
    }
    // The API's own Service is always there, as in kubelet.
    if !serviceObjects.contains(where: { $0["metadata", "name"].string == "kubernetes" }),
      let api = try client.find(.services, namespace: "default", name: "kubernetes")
    {
      serviceObjects.append(api.json)
    }
    let resolver = EnvironmentResolver(
      pod: pod, podAddresses: compiler.podAddresses, hostAddresses: services.hostAddresses,
      nodeName: configuration.nodeName, allocatable: services.allocatable,
      services: ServiceVariables.make(serviceObjects),
      configMap: { name in
        try client.find(.configMaps, namespace: namespace, name: name).map { object in
          Self.decoded(object.json["binaryData"]).merging(object.json["data"].stringMap) { $1 }
        }
      },
      secret: { name in
        try client.find(.secrets, namespace: namespace, name: name).map { Self.decoded($0.json["data"]) }
      })
    let base = [
      "PATH": NodeServices.searchPath, "HOME": "/root",
      "HOSTNAME": pod.hostname(nodeName: configuration.nodeName),
    ]
    return base.merging(try resolver.resolve(container)) { $1 }
  }

  /// Base64 values as text; what is no base64 is left out.
  private static func decoded(_ data: JSON) -> [String: String] {
    data.stringMap.compactMapValues { Base64.decode($0).map { String(decoding: $0, as: UTF8.self) } }
  }
}
