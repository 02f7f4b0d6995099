internal import JSON
internal import Kubernetes
internal import Linux

/// What is known about one pod of this node, kept on disk as `pod.json` in the pod's directory. It is written before
/// anything lasting is done and after, so that whatever exists can be found again.
struct PodRecord: Hashable, Sendable {
  /// The pod's sandbox and its attachment to the network.
  struct Sandbox: Hashable, Sendable {
    /// Hexadecimal; CNI_CONTAINERID.
    var id: String
    /// Nil while it is being started; the identity file tells whether it was.
    var process: ProcessIdentity?
    /// The network configuration list the pod was or is being added with; null for the host's network.
    var network: JSON = .null
    /// The last plugin's result; null while it is not attached.
    var result: JSON = .null
    var isReady = false
  }

  /// The object as last seen: needed to end the pod properly when the API has it no more.
  var manifest: JSON
  var startTime: Timestamp
  var sandbox: Sandbox?
  var sandboxCount = 0
  /// Earlier sandboxes that could not be taken from their network yet.
  var detachments: [Sandbox] = []
  var containers: [String: ContainerRecord] = [:]
  /// Init containers that are recorded as completed.
  var initCompletedAt: Timestamp?
  /// Events that are told once in a pod's life.
  var told: Set<String> = []
  /// SIGTERM was sent to all at this time.
  var terminatingSince: Timestamp?

  init(_ manifest: JSON, startTime: Timestamp) {
    self.manifest = manifest
    self.startTime = startTime
  }

  /// Addresses from the CNI result, without prefix length.
  var addresses: [String] {
    sandbox?.result["ips"].elements.compactMap { ip in
      ip["address"].string.map { String($0.prefix { $0 != "/" }) }
    } ?? []
  }
}

extension PodRecord {
  var json: JSON {
    var json: JSON = ["startTime": .int(startTime.nanoseconds), "sandboxCount": .int(Int64(sandboxCount))]
    json["sandbox"] = sandbox?.json ?? .null
    if !detachments.isEmpty { json["detachments"] = .array(detachments.map(\.json)) }
    let sorted = containers.sorted { $0.key < $1.key }
    json["containers"] = .object(JSON.Object(sorted.map { ($0.key, $0.value.json) }))
    if let initCompletedAt { json["initCompletedAt"] = .int(initCompletedAt.nanoseconds) }
    if let terminatingSince { json["terminatingSince"] = .int(terminatingSince.nanoseconds) }
    json["told"] = .array(told.sorted().map { .string($0) })
    json["manifest"] = manifest
    return json
  }

  /// Nil if the value is no record.
  init?(_ json: JSON) {
    guard !json["manifest", "metadata", "uid"].isNull, let start = json["startTime"].int else { return nil }
    self.init(json["manifest"], startTime: Timestamp(nanoseconds: Int64(start)))
    sandboxCount = json["sandboxCount"].int ?? 0
    sandbox = Sandbox(json["sandbox"])
    detachments = json["detachments"].elements.compactMap { Sandbox($0) }
    for member in json["containers"].members { containers[member.key] = ContainerRecord(member.value) }
    initCompletedAt = json["initCompletedAt"].int.map { Timestamp(nanoseconds: Int64($0)) }
    terminatingSince = json["terminatingSince"].int.map { Timestamp(nanoseconds: Int64($0)) }
    told = Set(json["told"].elements.compactMap(\.string))
  }
}

extension PodRecord.Sandbox {
  fileprivate var json: JSON {
    var json: JSON = ["id": .string(id), "ready": .bool(isReady)]
    if let process {
      json["process"] = ["pid": .int(Int64(process.pid)), "start": .int(Int64(process.startTime))]
    }
    json["network"] = network
    json["result"] = result
    return json
  }

  fileprivate init?(_ json: JSON) {
    guard let id = json["id"].string else { return nil }
    self.init(
      id: id, process: ProcessIdentity(json["process"]), network: json["network"], result: json["result"],
      isReady: json["ready"].bool ?? false)
  }
}
