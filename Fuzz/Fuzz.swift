import Glibc

/// Takes foreign bytes; may throw inside, never trap, hang or eat memory.
typealias Parser = @Sendable ([UInt8]) -> Void

/// Every parser of foreign bytes by its name, a table for each group of rooms.
private let parsers: [String: Parser] = [
  groundParsers, netlinkParsers, kubernetesParsers, modelParsers, controlPlaneParsers, nodeParsers, namesParsers,
  streamingParsers, serviceParsers,
].reduce(into: [:]) { all, group in all.merge(group) { _, _ in preconditionFailure("two parsers of one name") } }

/// The parser that this run feeds, named by SWIFTLET_PARSER.
private let chosen: Parser = {
  let name = getenv("SWIFTLET_PARSER").map { String(cString: $0) } ?? ""
  guard let parser = parsers[name] else {
    print("SWIFTLET_PARSER names no parser; known are \(parsers.keys.sorted().joined(separator: " "))")
    exit(2)
  }
  return parser
}()

/// libFuzzer's own entry, for programs that have a main of their own.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

@c(LLVMFuzzerTestOneInput)
public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  chosen(Array(UnsafeBufferPointer(start: data, count: size)))
  return 0
}

@main
struct Fuzzer {
  static func main() {
    _ = chosen  // says which parsers there are before libFuzzer prints anything
    var count = CommandLine.argc
    var arguments = CommandLine.unsafeArgv
    exit(runFuzzer(&count, &arguments, fuzzOneInput))
  }
}
