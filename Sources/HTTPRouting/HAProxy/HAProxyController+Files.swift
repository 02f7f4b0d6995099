internal import Glibc
internal import Linux

extension HAProxyController {
  var listPath: String { "\(configuration.directory)/certificates.list" }

  func certificatePath(_ name: String) -> String { "\(configuration.directory)/certificates/\(name)" }

  /// Writes everything a new process reads, its configuration under a name that `checkConfiguration` makes final; files
  /// that are as wanted stay untouched.
  func write(_ files: HAProxyFiles) throws {
    let directory = configuration.directory
    try Files.makeDirectories("\(directory)/certificates", mode: 0o700)
    var list = ""
    if let pem = configuration.defaultCertificate {
      try replace("\(directory)/default.pem", pem, mode: 0o600)
      // The first certificate is the one for names that no other is for.
      list += "\(directory)/default.pem [alpn h2,http/1.1]\n"
    }
    for (name, certificate) in files.certificates.sorted(by: { $0.key < $1.key }) {
      try replace(certificatePath(name), certificate.pem, mode: 0o600)
      list += HAProxyFiles.listLine(certificatePath(name), certificate) + "\n"
    }
    try replace(listPath, Array(list.utf8))
    for name in try Files.list("\(directory)/certificates") where files.certificates[name] == nil {
      try Files.remove(certificatePath(name))
    }
    for (name, map) in files.maps { try replace("\(directory)/\(name)", Array(HAProxyFiles.text(map).utf8)) }
    try replace("\(directory)/haproxy.cfg.new", Array(files.configuration.utf8))
  }

  private func replace(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws(SystemError) {
    if (try? Files.read(path)) == bytes { return }
    try Files.write(path, bytes, mode: mode)
  }

  /// Lets HAProxy check the new configuration, which becomes the one to start from only if it is good.
  func checkConfiguration() throws {
    let path = "\(configuration.directory)/haproxy.cfg"
    let result = try ChildProcess.run(
      [configuration.program, "-c", "-f", "\(path).new"], limit: 1 << 16, timeout: 60)
    guard result.status.isSuccess else { throw Failure.badConfiguration(Self.alerts(result.errorOutput)) }
    try check("rename \(path).new") { rename("\(path).new", path) }
  }

  /// Why HAProxy would refuse a certificate; nil for a good one.
  func checkCertificate(_ pem: [UInt8]) -> String? {
    let path = "\(configuration.directory)/check"
    defer {
      unlink("\(path).pem")
      unlink("\(path).cfg")
    }
    do {
      try Files.write("\(path).pem", pem, mode: 0o600)
      let text = """
        defaults
          mode http
          timeout connect 1s
          timeout client 1s
          timeout server 1s
        frontend check
          bind unix@\(path).sock ssl crt \(path).pem

        """
      try Files.write("\(path).cfg", text)
      let result = try ChildProcess.run(
        [configuration.program, "-c", "-f", "\(path).cfg"], limit: 1 << 16, timeout: 60)
      return result.status.isSuccess ? nil : Self.alerts(result.errorOutput)
    } catch {
      return "\(error)"
    }
  }

  /// The lines of HAProxy's that say what is wrong, without process numbers.
  private static func alerts(_ output: String) -> String {
    let lines = output.split(separator: "\n").filter { $0.hasPrefix("[ALERT]") }
    let reasons = lines.map { line in
      line.firstRange(of: ") : ").map { String(line[$0.upperBound...]) } ?? String(line)
    }
    return reasons.isEmpty ? output.trimmed : reasons.joined(separator: "; ")
  }
}

extension HAProxyFiles {
  /// The maps by file name, in the order in which additions are safe: a host counts once its paths are there.
  var maps: [(name: String, map: Map)] { [("exact.map", exact), ("prefix.map", prefix), ("hosts.map", hosts)] }
}
