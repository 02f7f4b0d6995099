internal import ControlPlane
internal import Kubernetes
internal import Streaming

/// What the API server asks a node: a kubelet's paths and parameters.
enum NodeServerRequest: Equatable {
  case log(PodPlace, PodLogOptions)
  case exec(PodPlace, command: [String], CommandStreams, StreamUpgrade)
  case attach(PodPlace, CommandStreams, StreamUpgrade)
  case portForward(PodPlace, StreamUpgrade)

  /// A pod, and a container of it but for ports.
  struct PodPlace: Equatable {
    let namespace: String
    let pod: String
    let container: String
  }

  init(_ head: HTTPHead) throws(StatusError) {
    let target = try RequestTarget(head.target)
    let path = target.path
    guard let verb = path.first, path.count == (verb == "portForward" ? 3 : 4) else { throw .noSuchPath }
    let place = PodPlace(namespace: path[1], pod: path[2], container: path.count > 3 ? path[3] : "")
    switch verb {
    case "containerLogs":
      guard head.method == "GET" else { throw .methodNotAllowed(head.method) }
      self = .log(place, try PodLogOptions(target, name: place.pod, now: .now()))
    case "exec", "attach":
      let streams = CommandStreams(
        stdin: target.flag("input"), stdout: target.flag("output"), stderr: target.flag("error"),
        tty: target.flag("tty"))
      let upgrade = try StreamUpgrade(head, StreamUpgrade.commands)
      if verb == "attach" {
        self = .attach(place, streams, upgrade)
      } else {
        let command = target.values("command")
        guard !command.isEmpty else { throw .badRequest("there is no command") }
        self = .exec(place, command: command, streams, upgrade)
      }
    case "portForward": self = .portForward(place, try StreamUpgrade(head, StreamUpgrade.ports))
    default: throw .noSuchPath
    }
  }
}
