/// What a runtime asks of the plugin through the environment (CNI 1.1.0, section 2 "Execution protocol").
package struct CNIRequest: Hashable, Sendable {
  package enum Command: String, CaseIterable, Sendable {
    case add = "ADD"
    case delete = "DEL"
    case check = "CHECK"
    case collect = "GC"
    case status = "STATUS"
    case version = "VERSION"

    /// The variables it cannot do without.
    fileprivate var required: [String] {
      switch self {
      case .add, .check: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"]
      case .delete: ["CNI_CONTAINERID", "CNI_IFNAME"]
      case .collect, .status, .version: []
      }
    }

    /// The version that brought it.
    var since: CNIVersion {
      switch self {
      case .add, .delete, .version: .v0_3_1
      case .check: .v0_4_0
      case .collect, .status: .v1_1_0
      }
    }
  }

  package let command: Command
  package let containerID: String
  /// The path of the pod's network namespace; empty where the runtime has none any more.
  package let namespacePath: String
  /// The name of the interface inside the pod.
  package let interfaceName: String

  package let arguments: CNIArguments

  /// CNI_PATH is not among them: the plugin calls no other.
  package static let variables = ["CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS"]

  /// Checks everything and names all that is missing at once.
  package init(environment: [String: String]) throws(CNIError) {
    let text = environment["CNI_COMMAND"] ?? ""
    guard let command = Command(rawValue: text) else {
      let known = Command.allCases.map(\.rawValue).joined(separator: ", ")
      throw CNIError(.invalidEnvironment, "CNI_COMMAND is \"\(text)\", expected one of \(known)")
    }
    let missing = command.required.filter { (environment[$0] ?? "").isEmpty }
    guard missing.isEmpty else {
      throw CNIError(
        .invalidEnvironment,
        "\(command.rawValue) needs environment variables that are missing or empty: \(missing.joined(separator: ", "))")
    }
    self.command = command
    containerID = environment["CNI_CONTAINERID"] ?? ""
    namespacePath = environment["CNI_NETNS"] ?? ""
    interfaceName = environment["CNI_IFNAME"] ?? ""
    // What only ADD has a use for must not keep a pod from going.
    arguments = command == .add ? try CNIArguments(environment["CNI_ARGS"] ?? "") : CNIArguments()
    guard !command.required.isEmpty else { return }
    guard isCNIName(containerID) else {
      throw CNIError(
        .invalidEnvironment,
        "CNI_CONTAINERID \"\(containerID)\" is invalid: expected a letter or digit, then letters, digits, '_', '.' or '-'"
      )
    }
    if let reason = interfaceNameProblem(interfaceName) {
      throw CNIError(.invalidEnvironment, "CNI_IFNAME \"\(interfaceName)\" is invalid: \(reason)")
    }
  }
}

/// Names of networks and containers: `^[a-zA-Z0-9][a-zA-Z0-9_.\-]*$`.
func isCNIName(_ text: String) -> Bool {
  func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }
  guard let first = text.utf8.first, isAlphanumeric(first) else { return false }
  return text.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x5F || $0 == 0x2E || $0 == 0x2D }
}

/// Why the kernel would not take an interface name (dev_valid_name); nil if it would.
func interfaceNameProblem(_ name: String) -> String? {
  if name.isEmpty { return "empty" }
  if name.utf8.count > 15 { return "\(name.utf8.count) bytes long, at most 15 are allowed" }
  if name == "." || name == ".." { return "reserved" }
  if name.utf8.contains(where: { $0 == 0x2F || $0 == 0x3A || $0 == 0x20 || (0x09...0x0D).contains($0) }) {
    return "'/', ':' and white space are not allowed"
  }
  return nil
}
