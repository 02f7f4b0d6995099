import ControlPlane
import Glibc
import Linux

/// `swiftlet server backup FILE` and `swiftlet server restore FILE`.
enum StoreCommands {
  private static let options: [CommandLineOptions.Option] = [
    .init("data-dir", "DIR", "the server's folder (\(ServerCommand.usualFolder))")
  ]

  static var help: String {
    """
    usage: swiftlet server backup FILE [options]
           swiftlet server restore FILE [options]

    backup   copies the store to FILE, from a running server without stopping it, or from the file of one that does not
             run. FILE appears when it is whole and checked. Certificates, keys and tokens are files of their own beside
             the store and are not in it.
    restore  puts a backup in the place of the store of a server that does not run, and keeps the earlier store beside it.


    """ + CommandLineOptions.help(options)
  }

  static func backup(_ arguments: [String]) throws {
    let (folder, file) = try operands("backup", arguments)
    let path = file.hasPrefix("/") ? file : "\(workingDirectory())/\(file)"
    let size = try BackupClient.run(dataFolder: folder, database: ServerCommand.database(folder), to: path)
    print("\(path): \(size) bytes")
  }

  static func restore(_ arguments: [String]) throws {
    let (folder, file) = try operands("restore", arguments)
    try Files.makeDirectories(folder, mode: 0o700)
    let path = ServerCommand.database(folder)
    let outcome = try StoreRestore.run(from: file, to: path)
    print("\(path): \(outcome.objects) objects, resourceVersion \(outcome.revision)")
    if let kept = outcome.kept { print("the earlier store is \(kept)") }
  }

  private static func operands(_ command: String, _ arguments: [String]) throws -> (folder: String, file: String) {
    let options = try CommandLineOptions(arguments, known: options)
    guard options.operands.count == 1 else {
      throw UsageError("\(command): found \(options.operands.count) files, expected one")
    }
    return (options["data-dir"] ?? ServerCommand.usualFolder, options.operands[0])
  }

  private static func workingDirectory() -> String {
    guard let path = getcwd(nil, 0) else { return "." }
    defer { free(path) }
    return String(cString: path)
  }
}
