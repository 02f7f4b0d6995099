internal import JSON

/// The ConfigMaps and Secrets a pod's specification names: what its node needs to run it.
struct PodReferences {
  private var configMaps: Set<String> = []
  private var secrets: Set<String> = []

  init(_ spec: JSON) {
    for secret in spec["imagePullSecrets"].elements { add(secret: secret["name"]) }
    for list in ["initContainers", "containers", "ephemeralContainers"] {
      for container in spec[list].elements {
        for source in container["envFrom"].elements {
          add(configMap: source["configMapRef", "name"])
          add(secret: source["secretRef", "name"])
        }
        for variable in container["env"].elements {
          add(configMap: variable["valueFrom"]["configMapKeyRef", "name"])
          add(secret: variable["valueFrom"]["secretKeyRef", "name"])
        }
      }
    }
    for volume in spec["volumes"].elements {
      add(configMap: volume["configMap", "name"])
      add(secret: volume["secret", "secretName"])
      for source in volume["projected", "sources"].elements {
        add(configMap: source["configMap", "name"])
        add(secret: source["secret", "name"])
      }
    }
  }

  private mutating func add(configMap name: JSON) { if let name = name.string { configMaps.insert(name) } }
  private mutating func add(secret name: JSON) { if let name = name.string { secrets.insert(name) } }

  /// `configmaps` or `secrets`.
  func names(_ resource: String) -> Set<String> { resource == "configmaps" ? configMaps : secrets }
}
