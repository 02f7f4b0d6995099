internal import JSON
internal import Linux
internal import Netlink

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
    var configuration = try NetworkConfiguration(
      json, forRemoval: isRemoval, withoutRanges: request.command == .status)
    configuration.runtime.add(request.arguments)
    switch request.command {
    case .add: return try add(request, configuration)
    case .delete: try delete(request, configuration)
    case .check: try check(request, configuration)
    case .collect: try collect(configuration)
    case .status: try status(configuration)
    case .version: break
    }
    return nil
  }

  func attachment(_ request: CNIRequest) -> NetworkConfiguration.Attachment {
    .init(containerID: request.containerID, interfaceName: request.interfaceName)
  }

  func leases(_ configuration: NetworkConfiguration) -> LeaseStore {
    LeaseStore(dataDirectory: configuration.dataDirectory, network: configuration.name)
  }
}
