package import Addressing
internal import Glibc
internal import Linux

extension HAProxyController {
  /// Changes the running process to what is wanted, taking differences against what it says it holds: servers and
  /// certificates before the maps that send requests to them. Returns the number of commands.
  func convergeRuntime(_ files: HAProxyFiles) throws -> Int {
    var commands = 0
    let servers = RuntimeState.servers(try runtime.send("show servers state"))
    for (name, endpoints) in files.backends.sorted(by: { $0.key < $1.key }) {
      commands += try run(Self.serverCommands(name, wanted: endpoints, found: servers[name] ?? []))
    }
    commands += try convergeCertificates(files)
    commands += try convergeMaps(files)
    return commands
  }

  /// One backend's servers.
  func converge(backend name: String, _ endpoints: [AddressAndPort]) throws -> Int {
    let found = RuntimeState.servers(try runtime.send("show servers state \(name)"))[name] ?? []
    return try run(Self.serverCommands(name, wanted: endpoints, found: found))
  }

  // MARK: servers

  /// The commands that make a backend's enabled servers the wanted ones. A server that is not wanted goes into
  /// maintenance, where its connections end in peace, and is used again for a later endpoint.
  package static func serverCommands(
    _ backend: String, wanted: [AddressAndPort], found: [RuntimeState.Server]
  ) -> [String] {
    var missing = wanted
    var spare: [RuntimeState.Server] = []
    var unwanted: [RuntimeState.Server] = []
    for server in found {
      guard server.isEnabled else {
        spare.append(server)
        continue
      }
      if let endpoint = server.endpoint, let index = missing.firstIndex(of: endpoint) {
        missing.remove(at: index)
      } else {
        unwanted.append(server)
      }
    }
    var commands: [String] = []
    var number = found.compactMap { UInt32($0.name.dropFirst()) }.max().map { Int($0) } ?? 0
    for endpoint in missing {
      if let index = spare.firstIndex(where: { $0.endpoint == endpoint }) ?? spare.indices.last {
        let server = spare.remove(at: index)
        if server.endpoint != endpoint {
          commands.append("set server \(backend)/\(server.name) addr \(endpoint.address) port \(endpoint.port)")
        }
        commands.append("set server \(backend)/\(server.name) state ready")
      } else {
        number += 1
        commands.append("add server \(backend)/\(HAProxyFiles.server(number, endpoint))")
        commands.append("enable server \(backend)/s\(number)")
      }
    }
    for server in unwanted { commands.append("set server \(backend)/\(server.name) state maint") }
    return commands
  }

  /// Sends commands, many on a line; throws on the first answer that is not one of success.
  private func run(_ commands: [String]) throws -> Int {
    for start in stride(from: 0, to: commands.count, by: 50) {
      let line = commands[start..<min(start + 50, commands.count)].joined(separator: ";")
      for answer in try runtime.send(line).split(separator: "\n") where !Self.isSuccess(answer) {
        throw Failure.command(line, answer: answer.trimmed)
      }
    }
    return commands.count
  }

  private static func isSuccess(_ answer: Substring) -> Bool {
    answer.allSatisfy(\.isWhitespace)
      || ["New server registered", "IP changed from", "port changed from", "no need to change"].contains {
        answer.trimmed.hasPrefix($0)
      }
  }

  // MARK: maps

  private func convergeMaps(_ files: HAProxyFiles) throws -> Int {
    var commands = 0
    var removals: [String] = []
    for (name, wanted) in files.maps {
      let path = "\(configuration.directory)/\(name)"
      var found: Set<String> = []
      var changes: [String] = []
      for entry in RuntimeState.map(try runtime.send("show map \(path)")) {
        guard let value = wanted[entry.key], found.insert(entry.key).inserted else {
          removals.append("del map \(path) #\(entry.reference)")
          continue
        }
        if value != entry.value { changes.append("set map \(path) #\(entry.reference) \(value)") }
      }
      let added = wanted.filter { !found.contains($0.key) }.sorted { $0.key < $1.key }
      for start in stride(from: 0, to: added.count, by: 100) {
        let lines = added[start..<min(start + 100, added.count)].map { "\($0.key) \($0.value)\n" }.joined()
        let answer = try runtime.send("add map \(path)", payload: Array(lines.utf8))
        if !answer.isEmpty { throw Failure.command("add map \(path)", answer: answer) }
      }
      commands += added.count + (try run(changes))
    }
    return commands + (try run(removals.reversed()))
  }

  // MARK: certificates

  private func convergeCertificates(_ files: HAProxyFiles) throws -> Int {
    var commands = 0
    let listed = RuntimeState.certificates(try runtime.send("show ssl crt-list -n \(listPath)"))
    for (name, certificate) in files.certificates.sorted(by: { $0.key < $1.key }) {
      let path = certificatePath(name)
      let entries = listed.filter { $0.path == path }
      // The file holds what was loaded: it is written after each success only.
      if entries.isEmpty || (try? Files.read(path)) != certificate.pem {
        if entries.isEmpty { _ = try runtime.send("new ssl cert \(path)") }
        try succeed("set ssl cert \(path)", payload: certificate.pem, expecting: "ransaction")
        try succeed("commit ssl cert \(path)", expecting: "Success!")
        try Files.write(path, certificate.pem, mode: 0o600)
        commands += 1
      }
      if entries.map({ Set($0.filters) }) == [Set(certificate.filters)] { continue }
      for entry in entries.reversed() {
        try succeed("del ssl crt-list \(listPath) \(entry.entry)", expecting: "deleted")
      }
      let line = HAProxyFiles.listLine(path, certificate) + "\n"
      try succeed("add ssl crt-list \(listPath)", payload: Array(line.utf8), expecting: "Success!")
      commands += 1
    }
    let own = "\(configuration.directory)/certificates/"
    for entry in listed.reversed() where entry.path.hasPrefix(own) {
      guard files.certificates[String(entry.path.dropFirst(own.count))] == nil else { continue }
      try succeed("del ssl crt-list \(listPath) \(entry.entry)", expecting: "deleted")
      // Refused while a second entry uses it; the last one takes it along.
      _ = try runtime.send("del ssl cert \(entry.path)")
      commands += 1
    }
    return commands
  }

  private func succeed(_ command: String, payload: [UInt8]? = nil, expecting text: String) throws {
    let answer = try runtime.send(command, payload: payload)
    if !answer.contains(text) { throw Failure.command(command, answer: answer) }
  }
}
