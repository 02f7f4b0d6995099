internal import JSON
internal import Kubernetes

/// Makes a container's environment from its manifest. Pure but for the lookups it is given.
struct EnvironmentResolver {
  /// Why the environment cannot be made yet; the container waits with reason CreateContainerConfigError.
  struct Missing: Error, Equatable, CustomStringConvertible {
    let description: String
  }

  let pod: PodManifest
  /// Addresses known by now.
  let podAddresses: [String]
  let hostAddresses: [String]
  let nodeName: String
  /// The node's allocatable resources, which stand in for limits that are not set.
  let allocatable: [String: String]
  /// Variables about Services (`ServiceVariables`).
  let services: [(name: String, value: String)]
  /// The object's `data` as text by key; nil if there is no such object.
  let configMap: (String) throws -> [String: String]?
  let secret: (String) throws -> [String: String]?

  /// All variables; of those with the same name the last one counts. `envFrom` comes before `env`, and both override the
  /// Services'.
  func resolve(_ container: ContainerManifest) throws -> [String: String] {
    var values: [String: String] = [:]
    for service in services { values[service.name] = service.value }
    for source in container.object["envFrom"].elements {
      let prefix = source["prefix"].string ?? ""
      let found: [String: String]?
      if !source["configMapRef"].isNull {
        found = try lookup("configmap", source["configMapRef"], configMap)
      } else {
        found = try lookup("secret", source["secretRef"], secret)
      }
      for (key, value) in found ?? [:] where !key.contains("=") { values[prefix + key] = value }
    }
    for variable in container.object["env"].elements {
      guard let name = variable["name"].string else { continue }
      if !variable["valueFrom"].isNull {
        if let value = try value(from: variable["valueFrom"], container) { values[name] = value }
      } else {
        values[name] = VariableExpansion.expand(variable["value"].string ?? "") { values[$0] }
      }
    }
    return values
  }

  private func lookup(_ kind: String, _ reference: JSON, _ find: (String) throws -> [String: String]?) throws
    -> [String: String]?
  {
    let name = reference["name"].string ?? ""
    if let found = try find(name) { return found }
    if reference["optional"].bool == true { return nil }
    throw Missing(description: "\(kind) \"\(name)\" not found")
  }

  private func value(from source: JSON, _ container: ContainerManifest) throws -> String? {
    for (field, kind, find) in [("configMapKeyRef", "configmap", configMap), ("secretKeyRef", "secret", secret)] {
      let reference = source[field]
      guard !reference.isNull else { continue }
      guard let found = try lookup(kind, reference, find) else { return nil }
      let key = reference["key"].string ?? ""
      if let value = found[key] { return value }
      if reference["optional"].bool == true { return nil }
      let name = reference["name"].string ?? ""
      throw Missing(description: "couldn't find key \(key) in \(kind) \(pod.namespace)/\(name)")
    }
    if let path = source["fieldRef", "fieldPath"].string { return try field(path) }
    if !source["resourceFieldRef"].isNull { return resource(source["resourceFieldRef"], container) }
    throw Missing(description: "unknown source of a variable: \(source)")
  }

  private func field(_ path: String) throws -> String {
    switch path {
    case "metadata.name": return pod.name
    case "metadata.namespace": return pod.namespace
    case "metadata.uid": return pod.uid
    case "spec.nodeName": return nodeName
    case "spec.serviceAccountName": return pod.object["spec", "serviceAccountName"].string ?? "default"
    case "status.podIP": return podAddresses.first ?? ""
    case "status.podIPs": return podAddresses.joined(separator: ",")
    case "status.hostIP": return hostAddresses.first ?? ""
    case "status.hostIPs": return hostAddresses.joined(separator: ",")
    default: break
    }
    for (prefix, values) in [("metadata.labels['", pod.labels), ("metadata.annotations['", pod.annotations)] {
      if path.hasPrefix(prefix), path.hasSuffix("']") {
        return values[String(path.dropFirst(prefix.count).dropLast(2))] ?? ""
      }
    }
    throw Missing(description: "field path \"\(path)\" is none of the downward API")
  }

  private func resource(_ reference: JSON, _ container: ContainerManifest) -> String {
    let name = reference["resource"].string ?? ""
    let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return "0" }
    var origin = container
    if let other = reference["containerName"].string {
      origin = (pod.containers + pod.initContainers).first { $0.name == other } ?? container
    }
    let divisor = Quantity(reference["divisor"]) ?? .one
    let quantity =
      Quantity(origin.object["resources", parts[0], parts[1]])
      ?? (parts[0] == "limits" ? allocatable[parts[1]].flatMap { Quantity($0) } : nil)
    guard let quantity else { return "0" }
    return String(quantity.divided(by: divisor.isPositive ? divisor : .one))
  }
}
