import JSON
import Linux
import NodeAgent

/// `swiftlet show services [NAME]`: what a node does for Services, and why.
enum ShowCommand {
  static let options: [CommandLineOptions.Option] =
    StatusCommand.options.filter { $0.name != "output" } + [
      .init("namespace", "NAME", letter: "n", "the Service's namespace (default)"),
      .init("output", "FORMAT", letter: "o", "json: the agents' own words"),
    ]

  static var help: String {
    "usage: swiftlet show services [NAME | NAMESPACE/NAME] [options]\n\n" + CommandLineOptions.help(options)
      + "\n\nWith a name: frontends, endpoints and why each is used or not, what was counted, and who is remembered."
  }

  static func run(_ arguments: [String]) throws -> Int32 {
    let options = try CommandLineOptions(arguments, known: options)
    guard options.operands.first == "services", options.operands.count <= 2 else {
      throw UsageError("found \"\(options.operands.joined(separator: " "))\", expected services [NAME]")
    }
    if let format = options["output"], format != "json" {
      throw UsageError("option --output: found \"\(format)\", expected json")
    }
    var request = "services"
    if options.operands.count == 2 {
      let name = options.operands[1]
      request += " " + (name.contains("/") ? name : "\(options["namespace"] ?? "default")/\(name)")
    }
    var answers: [JSON] = []
    var texts: [String] = []
    var isWell = true
    for place in try StatusCommand.places(options) {
      do {
        let answer = try AgentStatusClient(stateDirectory: place.stateDirectory).ask(request)
        answers.append(answer)
        texts.append(ServicesReport(answer).text)
      } catch {
        isWell = false
        answers.append(["node": place.node.map { .string($0) } ?? .null, "error": .string("\(error)")])
        texts.append((place.node.map { "node \($0): " } ?? "") + "\(error)\n")
      }
    }
    if options["output"] == "json" {
      print((answers.count == 1 ? answers[0] : .array(answers)).prettyDescription())
    } else {
      print(texts.joined(separator: "\n"), terminator: "")
    }
    return isWell ? 0 : 1
  }
}
