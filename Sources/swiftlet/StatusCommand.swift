import Glibc
import JSON
import Lab
import Linux
import NodeAgent

/// `swiftlet status`: what an agent, or every agent of a lab, is doing.
enum StatusCommand {
  static let options: [CommandLineOptions.Option] = [
    .init("state-dir", "DIR", "the agent's state directory (/run/swiftlet; of every node of a lab if there is one)"),
    .init("node", "NAME", "only this node of the lab that SWIFTLET_LAB names"),
    .init("output", "FORMAT", letter: "o", "json: the agents' own words"),
  ]

  static var help: String {
    "usage: swiftlet status [options]\n\n" + CommandLineOptions.help(options)
      + "\n\nThe exit status is 0 if everything works, 1 if something does not or an agent does not answer."
  }

  /// An agent's place: the node's name where we know it.
  struct Place {
    var node: String?
    var stateDirectory: String
  }

  static func run(_ arguments: [String]) throws -> Int32 {
    let options = try CommandLineOptions(arguments, known: options)
    if let stray = options.operands.first { throw UsageError("unexpected \"\(stray)\"") }
    let format = options["output"]
    if let format, format != "json" { throw UsageError("option --output: found \"\(format)\", expected json") }
    if options.has("state-dir"), options.has("node") {
      throw UsageError("--node names a node of a lab; it does not go with --state-dir")
    }
    let places = try places(options)
    var answers: [JSON] = []
    var texts: [String] = []
    var isWell = true
    for place in places {
      do {
        let status = try AgentStatusClient(stateDirectory: place.stateDirectory).status()
        let report = StatusReport(status)
        answers.append(status)
        texts.append(report.text)
        isWell = isWell && report.isWell
      } catch {
        isWell = false
        answers.append(["node": place.node.map { .string($0) } ?? .null, "error": .string("\(error)")])
        texts.append((place.node.map { "node \($0): " } ?? "") + "\(error)\n")
      }
    }
    if format == "json" {
      print((options.has("state-dir") || answers.count == 1 ? answers[0] : .array(answers)).prettyDescription())
    } else {
      print(texts.joined(separator: "\n"), terminator: "")
    }
    return isWell ? 0 : 1
  }

  static func places(_ options: CommandLineOptions) throws -> [Place] {
    if let directory = options["state-dir"] { return [Place(stateDirectory: directory)] }
    let lab = getenv("SWIFTLET_LAB").map { String(cString: $0) }
    let usual = "/run/swiftlet"
    if lab == nil, !options.has("node"), Files.exists("\(usual)/\(AgentStatusClient.socketName)") {
      return [Place(stateDirectory: usual)]
    }
    let site = try LabSite(name: lab ?? "lab")
    let folder = Files.parent(of: site.nodeFolder("any"))
    let nodes = (try? Files.list(folder)) ?? []
    guard !nodes.isEmpty else {
      throw AgentStatusError(
        "there is neither an agent's \(usual)/\(AgentStatusClient.socketName) nor a lab in \(site.root); "
          + "name the agent's directory with --state-dir, or the lab with SWIFTLET_LAB")
    }
    if let name = options["node"] {
      guard nodes.contains(name) else {
        throw UsageError("the lab has no node \"\(name)\"; it has \(nodes.joined(separator: ", "))")
      }
      return [Place(node: name, stateDirectory: site.agentState(name))]
    }
    return nodes.map { Place(node: $0, stateDirectory: site.agentState($0)) }
  }
}
