internal import JSON

/// Defaults of what makes pods.
enum WorkloadDefaults {
  static func apply(_ object: inout JSON, kind: ResourceKind) {
    guard ["apps", "batch"].contains(kind.group) || kind.plural == "replicationcontrollers" else { return }
    object.update("spec") { spec in
      switch kind.plural {
      case "deployments":
        spec.setDefault("replicas", 1)
        rollingUpdate(&spec, "strategy", ["maxUnavailable": "25%", "maxSurge": "25%"])
        spec.setDefault("revisionHistoryLimit", 10)
        spec.setDefault("progressDeadlineSeconds", 600)
      case "replicasets", "replicationcontrollers": spec.setDefault("replicas", 1)
      case "statefulsets":
        spec.setDefault("replicas", 1)
        spec.setDefault("podManagementPolicy", "OrderedReady")
        rollingUpdate(&spec, "updateStrategy", ["partition": 0])
        spec.setDefault("revisionHistoryLimit", 10)
        spec.setDefault(
          "persistentVolumeClaimRetentionPolicy", ["whenDeleted": "Retain", "whenScaled": "Retain"])
        spec.updateEach("volumeClaimTemplates") { claim in
          claim.setDefault("apiVersion", "v1")
          claim.setDefault("kind", "PersistentVolumeClaim")
          claim.update("spec") { $0.setDefault("volumeMode", "Filesystem") }
          claim.setDefault("status", ["phase": "Pending"])
        }
      case "daemonsets":
        rollingUpdate(&spec, "updateStrategy", ["maxUnavailable": 1, "maxSurge": 0])
        spec.setDefault("revisionHistoryLimit", 10)
      case "jobs": job(&spec)
      case "cronjobs":
        spec.setDefault("concurrencyPolicy", "Allow")
        spec.setDefault("suspend", false)
        spec.setDefault("successfulJobsHistoryLimit", 3)
        spec.setDefault("failedJobsHistoryLimit", 1)
        spec.update("jobTemplate") { template in template.update("spec") { pods(&$0) } }
      default: break
      }
      pods(&spec)
    }
  }

  private static func pods(_ spec: inout JSON) {
    spec.update("template") { template in template.update("spec", PodDefaults.apply) }
  }

  private static func rollingUpdate(_ spec: inout JSON, _ field: String, _ parameters: JSON) {
    spec.setDefault(field, [:])
    spec.update(field) { strategy in
      strategy.setDefault("type", "RollingUpdate")
      guard strategy["type"].string == "RollingUpdate" else { return }
      strategy.setDefault("rollingUpdate", [:])
      for (key, value) in parameters.members { strategy.update("rollingUpdate") { $0.setDefault(key, value) } }
    }
  }

  private static func job(_ spec: inout JSON) {
    if spec["completions"].isNull, spec["parallelism"].isNull { spec["completions"] = 1 }
    spec.setDefault("parallelism", 1)
    spec.setDefault("backoffLimit", 6)
    spec.setDefault("completionMode", "NonIndexed")
    spec.setDefault("suspend", false)
    spec.setDefault("podReplacementPolicy", "TerminatingOrFailed")
  }
}
