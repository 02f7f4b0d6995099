internal import JSON
internal import Kubernetes
internal import Linux

/// What is known about one container, kept on disk so that a runtime that starts again goes on where the last one ended.
struct ContainerRecord: Hashable, Sendable {
  /// How a container ended.
  struct Termination: Hashable, Sendable {
    var exitCode: Int
    var signal: Int?
    /// Completed, Error, or what the runtime knows better.
    var reason: String
    var message: String?
    var startedAt: Timestamp
    var finishedAt: Timestamp
    var containerID: String
  }

  enum State: Hashable, Sendable {
    /// With reason and message as `state.waiting` shows them.
    case waiting(String, String?)
    /// The process is about to be started; its identity file tells whether it was.
    case starting
    case running(ProcessIdentity, since: Timestamp)
    case terminated(Termination)
  }

  var state = State.waiting("ContainerCreating", nil)
  /// Hexadecimal, new at each start.
  var containerID = ""
  /// How it ended last, shown as `lastState` once it was started again.
  var last: Termination?
  var restartCount = 0
  /// Restarts that count for the pause before the next (`RestartBackoff`).
  var backoffCount = 0
  /// The startup probe succeeded, or there is none.
  var isStarted = false
  var isReady = false

  var process: ProcessIdentity? { if case .running(let process, _) = state { process } else { nil } }
  var termination: Termination? { if case .terminated(let value) = state { value } else { nil } }
  var hasRunEver: Bool { last != nil || process != nil || termination != nil }
}

extension ContainerRecord {
  var json: JSON {
    var json: JSON = [
      "id": .string(containerID), "restarts": .int(Int64(restartCount)), "backoff": .int(Int64(backoffCount)),
      "started": .bool(isStarted), "ready": .bool(isReady),
    ]
    json["last"] = last?.json ?? .null
    switch state {
    case .waiting(let reason, let message):
      json["waiting", "reason"] = .string(reason)
      if let message { json["waiting", "message"] = .string(message) }
    case .starting: json["starting"] = true
    case .running(let process, let since):
      json["running"] = [
        "pid": .int(Int64(process.pid)), "start": .int(Int64(process.startTime)), "since": .int(since.nanoseconds),
      ]
    case .terminated(let termination): json["terminated"] = termination.json
    }
    return json
  }

  init(_ json: JSON) {
    containerID = json["id"].string ?? ""
    restartCount = json["restarts"].int ?? 0
    backoffCount = json["backoff"].int ?? 0
    isStarted = json["started"].bool ?? false
    isReady = json["ready"].bool ?? false
    if !json["last"].isNull { last = Termination(json["last"]) }
    if !json["running"].isNull, let process = ProcessIdentity(json["running"]) {
      state = .running(process, since: Timestamp(nanoseconds: Int64(json["running", "since"].int ?? 0)))
    } else if !json["terminated"].isNull {
      state = .terminated(Termination(json["terminated"]))
    } else if json["starting"].bool == true {
      state = .starting
    } else {
      state = .waiting(json["waiting", "reason"].string ?? "ContainerCreating", json["waiting", "message"].string)
    }
  }
}

extension ContainerRecord.Termination {
  fileprivate var json: JSON {
    var json: JSON = [
      "code": .int(Int64(exitCode)), "reason": .string(reason), "from": .int(startedAt.nanoseconds),
      "to": .int(finishedAt.nanoseconds), "id": .string(containerID),
    ]
    if let signal { json["signal"] = .int(Int64(signal)) }
    if let message { json["message"] = .string(message) }
    return json
  }

  fileprivate init(_ json: JSON) {
    exitCode = json["code"].int ?? 255
    signal = json["signal"].int
    reason = json["reason"].string ?? "Error"
    message = json["message"].string
    startedAt = Timestamp(nanoseconds: Int64(json["from"].int ?? 0))
    finishedAt = Timestamp(nanoseconds: Int64(json["to"].int ?? 0))
    containerID = json["id"].string ?? ""
  }
}

extension ProcessIdentity {
  /// From `{"pid": …, "start": …}`.
  init?(_ json: JSON) {
    guard let pid = json["pid"].int, let start = json["start"].int else { return nil }
    self.init(pid: Int32(pid), startTime: UInt64(start))
  }
}
