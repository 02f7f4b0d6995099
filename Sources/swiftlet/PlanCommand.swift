import Diagnosis
import Glibc
import Linux
import Netlink

/// `swiftlet plan`: the ranges of a cluster, checked and completed before it exists.
enum PlanCommand {
  /// Exit status 0 for a sound plan, 1 for an unsound one, 2 for unusable input.
  static func run(_ arguments: [String]) -> Int32 {
    if arguments.contains("--help") || arguments.contains("-h") {
      print(PlanOptions.usage)
      return 0
    }
    do {
      return try report(try PlanOptions(arguments))
    } catch let error as UsageError {
      return complain("\(error); swiftlet plan --help tells all options")
    } catch {
      return complain("\(error)")
    }
  }

  private static func report(_ options: PlanOptions) throws -> Int32 {
    var request = options.request
    if options.surveysMachine { request.taken += try MachineFacts(try RouteSocket()).ranges }
    let report = PlanReport(request)
    if let path = options.drawing { try Files.write(path, PlanDrawing(report.request).text) }
    if let emission = options.emission {
      // What is redirected into a file must be the configuration and nothing else.
      for finding in report.findings where finding.severity < .note {
        tell("\(finding.severity.rawValue): \(finding.sentence)\n")
      }
      if report.isSound { print(emission.text(of: report.request), terminator: "") }
    } else if options.isJSON {
      print(report.json.prettyDescription())
    } else {
      let isTerminal = isatty(1) == 1
      let hasColour = isTerminal && getenv("NO_COLOR") == nil
      print(report.text(width: options.width ?? terminalWidth ?? 100, hasColour: hasColour), terminator: "")
    }
    return report.isSound ? 0 : 1
  }

  private static var terminalWidth: Int? {
    var size = winsize()
    return isatty(1) == 1 && ioctl(1, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col >= 40 ? Int(size.ws_col) : nil
  }

  private static func complain(_ text: String) -> Int32 {
    tell("swiftlet plan: \(text)\n")
    return 2
  }

  private static func tell(_ text: String) { _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) } }
}
