internal import JSON
internal import Linux
internal import Netlink
internal import Addressing
internal import CLinux
internal import Glibc

/// The plugin behind `swiftlet-cni`: one request in, one answer out.
package struct CNIPlugin {
  /// What goes to standard output and standard error, and the exit status.
  package struct Answer: Sendable {
    package var output: [UInt8] = []
    package var errorOutput = ""
    package var status: Int32 = 0
  }

  package init() {}

  /// Answers one call. `readInput` is only called by commands that have input.
  package func answer(environment: [String: String], readInput: () throws -> [UInt8]) -> Answer {
    if (environment["CNI_COMMAND"] ?? "").isEmpty {
      let versions = CNIVersion.allCases.map(\.rawValue).joined(separator: ", ")
      return Answer(
        errorOutput: "swiftlet-cni connects pods with their node's bridge; called by a container runtime. "
          + "CNI versions: \(versions)\n")
    }
    // Errors are told in the version of the configuration, once that is known.
    var version = CNIVersion.newest
    do {
      let request = try CNIRequest(environment: environment)
      if request.command == .version {
        let known = CNIVersion.allCases.map { JSON.string($0.rawValue) }
        return Answer(
          output: (["cniVersion": .string(CNIVersion.newest.rawValue), "supportedVersions": .array(known)] as JSON)
            .bytes())
      }
      let json = try parse(try readInput())
      version = try NetworkConfiguration.version(of: json)
      guard version >= request.command.since else {
        throw CNIError(
          .incompatibleVersion,
          "\(request.command.rawValue) needs cniVersion \(request.command.since.rawValue), the configuration has "
            + version.rawValue)
      }
      return Answer(output: try perform(request, json)?.bytes() ?? [])
    } catch {
      let error = error as? CNIError ?? Self.wrap(error)
      return Answer(output: error.json(version: version).bytes(), status: 1)
    }
  }

  private func parse(_ bytes: [UInt8]) throws(CNIError) -> JSON {
    do { return try JSON(parsing: bytes) } catch {
      throw CNIError(.decoding, "the network configuration on standard input is not JSON: \(error)")
    }
  }

  private static func wrap(_ error: any Error) -> CNIError {
    switch error {
    case let error as NetlinkError: CNIError(.wiring, "\(error)")
    default: CNIError(.inputOutput, "\(error)")
    }
  }

  private func perform(_ request: CNIRequest, _ json: JSON) throws -> JSON? {
    let isRemoval = request.command == .delete || request.command == .collect
    var configuration = try NetworkConfiguration(json, forRemoval: isRemoval)
    configuration.runtime.add(request.arguments)
    switch request.command {
    case .add: return try add(request, configuration).json(version: configuration.version)
    case .delete: try delete(request, configuration)
    case .check: try check(request, configuration)
    case .collect: try collect(configuration)
    case .status: try status(configuration)
    case .version: break
    }
    return nil
  }

  private func attachment(_ request: CNIRequest) -> NetworkConfiguration.Attachment {
    .init(containerID: request.containerID, interfaceName: request.interfaceName)
  }

  private func leases(_ configuration: NetworkConfiguration) -> LeaseStore {
    LeaseStore(dataDirectory: configuration.dataDirectory, network: configuration.name)
  }

  private func add(_ request: CNIRequest, _ configuration: NetworkConfiguration) throws -> CNIResult {
    guard configuration.makesLink else { throw invalid("ipam", .null, "where the pod's addresses come from") }
    let attachment = attachment(request)
    let pod = try podNamespace(request)
    let podRoutes = try podSocket(pod, request)
    guard try podRoutes.link(.name(request.interfaceName)) == nil else {
      throw CNIError(
        .wiring,
        "\(request.namespacePath) has an interface \(request.interfaceName) already; ADD was done before, DEL comes first"
      )
    }
    let wiring = try PodWiring(configuration)
    let leases = leases(configuration)
    let addresses = try leases.lease(
      configuration.rangeSets, requested: configuration.runtime.addresses, to: attachment,
      pod: configuration.runtime.pod)
    do {
      return try wiring.connect(
        attachment, addresses: addresses, pod: pod, podRoutes: podRoutes, sandbox: request.namespacePath)
    } catch {
      _ = try? leases.release(attachment)
      throw error
    }
  }

  private func delete(_ request: CNIRequest, _ configuration: NetworkConfiguration) throws {
    let attachment = attachment(request)
    let wiring = try PodWiring(configuration)
    let leases = leases(configuration)
    let result = try? CNIResult(configuration.previousResult)
    // An address must not be given out while its last owner can still send, or while the node remembers that owner: the
    // lease goes last.
    let held = try leases.held(by: attachment)
    try wiring.disconnect(attachment, addresses: held, macs: result?.interfaces.compactMap(\.mac) ?? [])
    try leases.release(attachment)
  }

  private func check(_ request: CNIRequest, _ configuration: NetworkConfiguration) throws {
    guard configuration.previousResult.object != nil else {
      throw CNIError(.invalidConfiguration, "CHECK needs prevResult, the result of ADD, in the configuration")
    }
    let result = try CNIResult(configuration.previousResult)
    let podRoutes = try podSocket(try podNamespace(request), request)
    let differences = try PodWiring(configuration).differences(
      from: result, attachment(request), podRoutes: podRoutes, leases: leases(configuration))
    guard differences.isEmpty else {
      throw CNIError(
        .checkFailed, "the pod's network is not as ADD made it", details: differences.joined(separator: "; "))
    }
  }

  private func collect(_ configuration: NetworkConfiguration) throws {
    guard let valid = configuration.validAttachments else {
      throw CNIError(.invalidConfiguration, "GC needs cni.dev/valid-attachments in the configuration")
    }
    let wiring = try PodWiring(configuration)
    try wiring.disconnect(allBut: Set(valid))
    try wiring.forget(try leases(configuration).release(allBut: Set(valid)))
    try wiring.forgetLostPorts()
  }

  private func status(_ configuration: NetworkConfiguration) throws {
    let leases = leases(configuration)
    do { try leases.checkAvailability(of: configuration.rangeSets) } catch let error as CNIError {
      throw CNIError(.notAvailable, error.message, details: error.details)
    }
  }

  private func podSocket(_ pod: NetworkNamespace, _ request: CNIRequest) throws(CNIError) -> RouteSocket {
    do { return try RouteSocket(namespace: pod) } catch {
      // The first call that finds out whether it is a network namespace at all.
      throw CNIError(.badNamespace, "CNI_NETNS \(request.namespacePath): \(error)")
    }
  }

  /// The pod's namespace, which must not be the node's.
  private func podNamespace(_ request: CNIRequest) throws(CNIError) -> NetworkNamespace {
    do {
      let pod = try NetworkNamespace(path: request.namespacePath, enteredHere: true)
      let own = try NetworkNamespace.current()
      var podStatus = stat()
      var ownStatus = stat()
      fstat(pod.descriptor.raw, &podStatus)
      fstat(own.descriptor.raw, &ownStatus)
      guard podStatus.st_ino != ownStatus.st_ino || podStatus.st_dev != ownStatus.st_dev else {
        throw CNIError(.badNamespace, "CNI_NETNS \(request.namespacePath) is the node's own network namespace")
      }
      return pod
    } catch let error as SystemError {
      throw CNIError(.badNamespace, "CNI_NETNS: \(error)")
    } catch let error as CNIError {
      throw error
    } catch {
      throw CNIError(.badNamespace, "CNI_NETNS: \(error)")
    }
  }
}
