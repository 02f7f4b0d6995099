internal import JSON

/// A hook of a container's `lifecycle`: what is to be done right after its start, or before it is asked to end.
struct ContainerHook: Hashable, Sendable {
  enum Moment: String, Hashable, Sendable, CaseIterable {
    case postStart = "PostStart"
    case preStop = "PreStop"

    /// The field of `lifecycle`.
    var field: String { self == .postStart ? "postStart" : "preStop" }
  }

  enum Action: Hashable, Sendable {
    case exec([String])
    /// `host` nil is the pod's address. With TLS it is no more than a connection.
    case http(host: String?, port: UInt16, path: String, headers: [ProbeManifest.Header], isTLS: Bool)
    /// Seconds.
    case sleep(Double)
    /// None of the known kinds, or a port name that no port has; with the reason.
    case unusable(String)
  }

  let moment: Moment
  let action: Action

  /// Nil where the container has no such hook.
  init?(_ moment: Moment, _ container: ContainerManifest) {
    let json = container.object["lifecycle", moment.field]
    guard !json.isNull else { return nil }
    self.moment = moment
    if !json["exec"].isNull {
      action = .exec(json["exec", "command"].elements.compactMap(\.string))
    } else if let seconds = json["sleep", "seconds"].int {
      action = .sleep(Double(Int32(clamping: max(0, seconds))))
    } else if !json["httpGet"].isNull {
      let get = json["httpGet"]
      // Kubernetes allows a hook without a port: 80.
      guard let port = get["port"].isNull ? 80 : container.portNumber(get["port"]) else {
        action = .unusable(
          "port \(get["port"]) is neither a number nor the name of a port of container \(container.name)")
        return
      }
      let path = get["path"].string ?? "/"
      let headers = get["httpHeaders"].elements.map {
        ProbeManifest.Header(name: $0["name"].string ?? "", value: $0["value"].string ?? "")
      }
      action = .http(
        host: get["host"].string.flatMap { $0.isEmpty ? nil : $0 }, port: port,
        path: path.hasPrefix("/") ? path : "/" + path, headers: headers,
        isTLS: get["scheme"].string?.uppercased() == "HTTPS")
    } else {
      action = .unusable("it has none of exec, httpGet and sleep")
    }
  }

  /// The port of the pod itself that it asks.
  var port: UInt16? { if case .http(nil, let port, _, _, _) = action { port } else { nil } }

  /// What is really done, and the sentence for an Event where that is not what was asked for.
  ///
  /// A stand-in's image is not there, and a command of a manifest must not meet the host's files: of an exec only its
  /// sleeps are kept, which is what such hooks are for in most manifests.
  func effective(_ container: ContainerKind) -> (action: Action, note: String?) {
    guard case .exec(let command) = action, container.isStandIn else { return (action, nil) }
    let seconds = Self.sleep(in: command)
    return (
      .sleep(seconds), "\(moment.rawValue) hook: exec is not run for a stand-in; its sleeps are, \(seconds) s in all"
    )
  }

  /// The seconds that a command sleeps: `sleep N` itself, or among the commands of a shell's script.
  static func sleep(in command: [String]) -> Double {
    guard let program = command.first?.split(separator: "/").last else { return 0 }
    if program == "sleep" { return sum(command.dropFirst().map { $0[...] }) }
    guard ["sh", "bash", "ash", "dash"].contains(program),
      let flag = command.firstIndex(where: { $0.hasPrefix("-") && $0.hasSuffix("c") }), flag + 1 < command.count
    else { return 0 }
    return command[flag + 1].split(whereSeparator: { ";&|\n()".contains($0) }).map { part in
      let words = part.split(separator: " ", omittingEmptySubsequences: true)
      guard words.first?.split(separator: "/").last == "sleep" else { return 0 }
      return sum(words.dropFirst())
    }.reduce(0, +)
  }

  /// Durations as sleep(1) takes them: numbers with s, m or h.
  private static func sum(_ words: some Sequence<Substring>) -> Double {
    words.map { word in
      let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600]
      let unit = word.last.flatMap { units[$0] }
      guard let number = Double(unit == nil ? word : word.dropLast()), number.isFinite, number > 0 else { return 0 }
      return min(number * (unit ?? 1), Double(Int32.max))
    }.reduce(0, +)
  }
}
