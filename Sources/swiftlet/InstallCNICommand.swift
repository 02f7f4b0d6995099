import Glibc
import Linux

/// `swiftlet install-cni`: puts the CNI plugin where the runtime of this node looks for it. Runs in the agent's pod, before
/// the agent, with the node's folder mounted.
enum InstallCNICommand {
  static let options: [CommandLineOptions.Option] = [
    .init("target", "DIR", "the runtime's folder of plugins (/opt/cni/bin)"),
    .init("source", "FILE", "the plugin (swiftlet-cni beside this program)"),
  ]

  static var help: String { "usage: swiftlet install-cni [options]\n\n" + CommandLineOptions.help(options) }

  static func run(_ arguments: [String]) throws {
    let options = try CommandLineOptions(arguments, known: options)
    if let stray = options.operands.first { throw UsageError("unexpected \"\(stray)\"") }
    let source = try options["source"] ?? Files.parent(of: ownPath()) + "/swiftlet-cni"
    let target = (options["target"] ?? "/opt/cni/bin") + "/swiftlet-cni"
    let plugin = try Files.read(source)
    // A runtime may be calling it at this moment: the file is replaced as a whole, and one that is the same is left alone.
    if Files.exists(target), try Files.read(target) == plugin, access(target, X_OK) == 0 { return }
    try Files.write(target, plugin, mode: 0o755, durable: true)
    Log("install-cni").info("\(target), \(plugin.count) bytes")
  }

  private static func ownPath() throws -> String {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes {
      readlink("/proc/self/exe", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
    }
    guard count > 0 else { throw SystemError("readlink /proc/self/exe") }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }
}
