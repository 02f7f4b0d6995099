internal import JSON
internal import StandIn

/// Which of a container's probes.
enum ProbeKind: String, Hashable, Sendable, CaseIterable {
  case startup = "Startup"
  case readiness = "Readiness"
  case liveness = "Liveness"

  /// The container's field.
  var field: String { "\(rawValue.lowercased())Probe" }
}

/// A probe of a container, with Kubernetes' defaults filled in.
struct ProbeManifest: Hashable, Sendable {
  enum Check: Hashable, Sendable {
    /// `host` nil is the pod's address.
    case http(host: String?, port: UInt16, path: String, headers: [Header])
    /// `httpGet` with `scheme: HTTPS`.
    case https(host: String?, port: UInt16)
    case tcp(host: String?, port: UInt16)
    case grpc(port: UInt16)
    case exec([String])
    /// None of the known kinds, or a port name that no port has; with the reason.
    case unusable(String)
  }

  struct Header: Hashable, Sendable {
    var name: String
    var value: String
  }

  var kind: ProbeKind
  var check: Check
  /// Seconds.
  var initialDelay = 0.0
  var period = 10.0
  var timeout = 1.0
  var successThreshold = 1
  var failureThreshold = 3
  /// The probe's own `terminationGracePeriodSeconds`.
  var gracePeriod: Double?

  init(_ json: JSON, _ kind: ProbeKind, _ container: ContainerManifest) {
    self.kind = kind
    check = Self.check(json, container)
    if let value = json["initialDelaySeconds"].int { initialDelay = Double(max(0, value)) }
    if let value = json["periodSeconds"].int, value > 0 { period = Double(value) }
    if let value = json["timeoutSeconds"].int, value > 0 { timeout = Double(value) }
    if let value = json["successThreshold"].int, value > 0 { successThreshold = value }
    if let value = json["failureThreshold"].int, value > 0 { failureThreshold = value }
    // Only readiness may ask for more than one success.
    if kind != .readiness { successThreshold = 1 }
    gracePeriod = json["terminationGracePeriodSeconds"].int.map { Double(Int32(clamping: $0)) }
  }

  private static func check(_ json: JSON, _ container: ContainerManifest) -> Check {
    func port(_ value: JSON) -> UInt16? { container.portNumber(value) }
    func unknown(_ value: JSON) -> Check {
      .unusable("port \(value) is neither a number nor the name of a port of container \(container.name)")
    }
    if !json["httpGet"].isNull {
      let get = json["httpGet"]
      guard let number = port(get["port"]) else { return unknown(get["port"]) }
      let host = get["host"].string.flatMap { $0.isEmpty ? nil : $0 }
      if get["scheme"].string?.uppercased() == "HTTPS" { return .https(host: host, port: number) }
      var path = get["path"].string ?? "/"
      if !path.hasPrefix("/") { path = "/" + path }
      let headers = get["httpHeaders"].elements.map {
        Header(name: $0["name"].string ?? "", value: $0["value"].string ?? "")
      }
      return .http(host: host, port: number, path: path, headers: headers)
    }
    if !json["tcpSocket"].isNull {
      let socket = json["tcpSocket"]
      guard let number = port(socket["port"]) else { return unknown(socket["port"]) }
      return .tcp(host: socket["host"].string.flatMap { $0.isEmpty ? nil : $0 }, port: number)
    }
    if !json["grpc"].isNull {
      guard let number = port(json["grpc", "port"]) else { return unknown(json["grpc", "port"]) }
      return .grpc(port: number)
    }
    if !json["exec"].isNull { return .exec(json["exec", "command"].elements.compactMap(\.string)) }
    return .unusable("it has none of httpGet, tcpSocket, grpc and exec")
  }

  /// The port it asks, if it asks the pod itself.
  var port: UInt16? {
    switch check {
    case .http(nil, let port, _, _), .https(nil, let port), .tcp(nil, let port), .grpc(let port): port
    default: nil
    }
  }

  /// What is really done, and the sentence for an Event where that is not what was asked for. Nil: it always succeeds.
  ///
  /// Against a stand-in, `grpc` and `exec` become a connection to the container's port, for there is no application that
  /// could answer them; and TLS is not spoken, whoever is asked.
  func effective(_ container: ContainerKind) -> (check: Check?, note: String?) {
    let name = kind.rawValue
    switch (check, container) {
    case (.exec, .standIn(let ports)):
      guard let port = ports.first(where: { $0.transport == .tcp }) else {
        return (nil, "\(name) probe: exec cannot be asked of a stand-in without a TCP port; it counts as successful")
      }
      return (
        .tcp(host: nil, port: port.number),
        "\(name) probe: exec is replaced by a connection to port \(port.number) of the stand-in"
      )
    case (.grpc(let port), _):
      return (
        .tcp(host: nil, port: port), "\(name) probe: grpc is replaced by a connection to port \(port)"
      )
    case (.https(let host, let port), _):
      return (
        .tcp(host: host, port: port), "\(name) probe: HTTPS is replaced by a connection to port \(port)"
      )
    default: return (check, nil)
    }
  }
}
