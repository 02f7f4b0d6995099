internal import JSON
internal import Linux

/// A CNI network configuration list and the calls a runtime makes with it (CNI specification 1.1.0, sections 1 to 4).
struct CNINetwork {
  /// What went wrong in a call, in the plugin's own words where it gave some.
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// Whom a call is about.
  struct Attachment {
    /// CNI_CONTAINERID.
    var containerID: String
    /// CNI_NETNS; empty where the namespace is gone.
    var namespacePath: String
    var pod: PodManifest
    static let interface = "eth0"
  }

  /// The list as it stands in its file.
  let list: JSON
  let binaryDirectories: [String]
  /// Where the plugins run: the node's network namespace; nil is the caller's.
  let namespace: NetworkNamespace?
  /// Seconds a plugin may take.
  static let timeout = 60.0

  /// The first configuration of a directory by name, as containerd chooses it; nil if there is none yet.
  static func load(directory: String) throws -> JSON? {
    guard let names = try? Files.list(directory) else { return nil }
    for name in names where name.hasSuffix(".conflist") || name.hasSuffix(".conf") || name.hasSuffix(".json") {
      let path = "\(directory)/\(name)"
      let json: JSON
      do { json = try JSON(parsing: try Files.read(path)) } catch { throw Failure(description: "\(path): \(error)") }
      if json["plugins"].array != nil { return json }
      // A single plugin's configuration is a list of one.
      return ["cniVersion": json["cniVersion"], "name": json["name"], "plugins": [json]]
    }
    return nil
  }

  /// ADD with each plugin in order; returns the last one's result. What a failed ADD made is removed again.
  func add(_ attachment: Attachment) throws -> JSON {
    var result = JSON.null
    do {
      for plugin in list["plugins"].elements {
        result = try run("ADD", plugin, previous: result, attachment)
      }
      guard !result["ips"].elements.isEmpty else {
        throw Failure(description: "network \(name): the result of ADD has no address: \(result)")
      }
      return result
    } catch {
      try? delete(attachment, result: .null)
      throw error
    }
  }

  /// DEL with each plugin in reverse order; all are tried, the first failure is thrown.
  func delete(_ attachment: Attachment, result: JSON) throws {
    var failure: (any Error)?
    for plugin in list["plugins"].elements.reversed() {
      do { _ = try run("DEL", plugin, previous: result, attachment) } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }

  private var name: String { list["name"].string ?? "" }

  /// The configuration one plugin gets on its standard input.
  func configuration(_ plugin: JSON, previous: JSON, _ pod: PodManifest) -> JSON {
    var configuration = plugin
    configuration["name"] = list["name"]
    if let version { configuration["cniVersion"] = .string(version) }
    if !previous.isNull { configuration["prevResult"] = previous }
    if plugin["capabilities", "portMappings"].bool == true {
      let mappings: [JSON] = pod.runnableContainers.flatMap(\.ports).compactMap { port in
        guard let hostPort = port.hostPort, hostPort > 0 else { return nil }
        return [
          "hostPort": .int(Int64(hostPort)), "containerPort": .int(Int64(port.number)),
          "protocol": .string(port.transport.lowercased()), "hostIP": .string(port.hostAddress ?? ""),
        ]
      }
      if !mappings.isEmpty { configuration["runtimeConfig", "portMappings"] = .array(mappings) }
    }
    if plugin["capabilities", "bandwidth"].bool == true {
      let bandwidth = pod.bandwidth
      if !bandwidth.isNull { configuration["runtimeConfig", "bandwidth"] = bandwidth }
    }
    configuration["capabilities"] = .null
    return configuration
  }

  /// The newest version we speak of those the list offers (CNI 1.1.0, section 1 "Configuration format").
  private var version: String? {
    let offered = list["cniVersions"].elements.compactMap(\.string) + [list["cniVersion"].string].compactMap(\.self)
    return ["1.1.0", "1.0.0", "0.4.0", "0.3.1"].first { offered.contains($0) } ?? list["cniVersion"].string
  }

  private func run(_ command: String, _ plugin: JSON, previous: JSON, _ attachment: Attachment) throws -> JSON {
    let type = plugin["type"].string ?? ""
    guard let program = binaryDirectories.map({ "\($0)/\(type)" }).first(where: { Files.exists($0) }) else {
      throw Failure(
        description: "CNI plugin \"\(type)\" of network \(name) is in none of: "
          + binaryDirectories.joined(separator: ", "))
    }
    let pod = attachment.pod
    let environment = [
      "CNI_COMMAND": command, "CNI_CONTAINERID": attachment.containerID, "CNI_NETNS": attachment.namespacePath,
      "CNI_IFNAME": Attachment.interface, "CNI_PATH": binaryDirectories.joined(separator: ":"),
      "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=\(pod.namespace);K8S_POD_NAME=\(pod.name)"
        + ";K8S_POD_INFRA_CONTAINER_ID=\(attachment.containerID);K8S_POD_UID=\(pod.uid)",
      "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]
    let outcome = try ChildProcess.run(
      [program], input: configuration(plugin, previous: previous, pod).bytes(), environment: environment,
      namespace: namespace, limit: 1 << 20, timeout: Self.timeout)
    let answer = try? JSON(parsing: outcome.standardOutput)
    guard outcome.status.isSuccess else {
      let words = [answer?["msg"].string, answer?["details"].string, outcome.errorOutput].compactMap(\.self)
        .filter { !$0.isEmpty }.joined(separator: "; ")
      let how = outcome.timedOut ? "no answer within \(Int(Self.timeout)) s" : "\(outcome.status)"
      throw Failure(description: "CNI \(command) by \(program): \(how)" + (words.isEmpty ? "" : ": \(words)"))
    }
    if command == "DEL" { return .null }
    guard let answer else {
      throw Failure(description: "CNI \(command) by \(program): its output is no JSON: \(outcome.output.prefix(200))")
    }
    return answer
  }
}
