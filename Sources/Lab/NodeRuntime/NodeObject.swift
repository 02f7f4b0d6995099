internal import Addressing
internal import Glibc
internal import JSON
internal import Kubernetes
internal import Linux

/// The Node object of this node, made from what the machine says. Pure but for reading the machine.
struct NodeObject {
  let name: String
  let addresses: [IPAddress]
  let isControlPlane: Bool
  let machine: Machine
  /// Where the node serves logs, commands and ports of pods; nil: it does not.
  var streamPort: UInt16?

  /// What is told about the machine.
  struct Machine: Sendable {
    var processors = 1
    /// Bytes.
    var memory = 0
    /// Go's name: `amd64`, `arm64`.
    var architecture = "amd64"
    var kernel = ""
    var system = "Linux"
    var bootID = ""
    var machineID = ""

    /// This machine's.
    static func current() -> Machine {
      var machine = Machine()
      machine.processors = max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))
      machine.memory = sysconf(CInt(_SC_PHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE))
      #if arch(arm64)
        machine.architecture = "arm64"
      #endif
      func line(_ path: String) -> String {
        ((try? Files.readText(path)) ?? "").split(separator: "\n").first.map(String.init) ?? ""
      }
      machine.kernel = line("/proc/sys/kernel/osrelease")
      machine.bootID = line("/proc/sys/kernel/random/boot_id")
      machine.machineID = line("/etc/machine-id")
      for entry in ((try? Files.readText("/etc/os-release")) ?? "").split(separator: "\n")
      where entry.hasPrefix("PRETTY_NAME=") {
        machine.system = entry.dropFirst("PRETTY_NAME=".count).filter { $0 != "\"" }
      }
      return machine
    }
  }

  /// Amounts of `capacity` and `allocatable`: everything, and 110 pods, Kubernetes' default.
  var resources: [String: String] {
    [
      "cpu": String(machine.processors), "memory": "\(machine.memory / 1024)Ki", "pods": "110",
      "ephemeral-storage": "0",
    ]
  }

  var labels: [String: String] {
    var labels = [
      "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": machine.architecture,
    ]
    if isControlPlane { labels["node-role.kubernetes.io/control-plane"] = "" }
    return labels
  }

  /// The object as it is created.
  var object: KubernetesObject {
    var node = KubernetesObject(.nodes, name: name)
    node.labels = labels
    node.json["spec"] = [:]
    if isControlPlane {
      node.json["spec", "taints"] = [["key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"]]
    }
    return node
  }

  /// `status` without times; `reason` nil means ready, else why not.
  func status(notReady reason: String?, previous: JSON, now: Timestamp) -> JSON {
    var status: JSON = [
      "capacity": JSON(stringMap: resources), "allocatable": JSON(stringMap: resources),
      "addresses": .array(
        addresses.map { ["type": "InternalIP", "address": .string($0.description)] }
          + [["type": "Hostname", "address": .string(name)]]),
      "nodeInfo": [
        "machineID": .string(machine.machineID), "systemUUID": .string(machine.machineID),
        "bootID": .string(machine.bootID), "kernelVersion": .string(machine.kernel),
        "osImage": .string(machine.system), "containerRuntimeVersion": "swiftlet://0.1.0",
        "kubeletVersion": .string(NodeServices.kubeletVersion), "kubeProxyVersion": "", "operatingSystem": "linux",
        "architecture": .string(machine.architecture),
      ],
    ]
    if let streamPort { status["daemonEndpoints", "kubeletEndpoint", "Port"] = .int(Int64(streamPort)) }
    let pressures = [
      ("MemoryPressure", "KubeletHasSufficientMemory"), ("DiskPressure", "KubeletHasNoDiskPressure"),
      ("PIDPressure", "KubeletHasSufficientPID"),
    ]
    var conditions = pressures.map { condition($0.0, "False", $0.1, "", previous, now) }
    conditions.append(
      reason.map { condition("Ready", "False", "KubeletNotReady", $0, previous, now) }
        ?? condition("Ready", "True", "KubeletReady", "the node's runtime is ready", previous, now))
    status["conditions"] = .array(conditions)
    return status
  }

  private func condition(
    _ type: String, _ status: String, _ reason: String, _ message: String, _ previous: JSON, _ now: Timestamp
  ) -> JSON {
    let before = previous["conditions"].elements.first { $0["type"].string == type } ?? .null
    let isSame = before["status"].string == status
    return [
      "type": .string(type), "status": .string(status), "reason": .string(reason), "message": .string(message),
      "lastHeartbeatTime": .string(now.description),
      "lastTransitionTime": isSame && !before["lastTransitionTime"].isNull
        ? before["lastTransitionTime"] : .string(now.description),
    ]
  }
}
