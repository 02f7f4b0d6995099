import Addressing
import Glibc
import JSON

/// The parser that this run feeds, named by SWIFTLET_PARSER. Each takes foreign bytes and may throw, never trap.
private let parsers: [String: @Sendable ([UInt8]) -> Void] = [
  "address": { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    if let address = IPAddress(text) { precondition(IPAddress(address.description) == address) }
    if let prefix = Prefix(text) { precondition(Prefix(prefix.description) == prefix) }
    _ = MACAddress(text)
  },
  "json": { bytes in
    guard let value = try? JSON(parsing: bytes) else { return }
    precondition((try? JSON(parsing: value.bytes())) == value, "what was written does not read back")
  },
]

private let chosen: @Sendable ([UInt8]) -> Void = {
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
