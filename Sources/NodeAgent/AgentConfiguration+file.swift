internal import JSON
internal import Kubernetes
package import Linux

extension AgentConfiguration {
  /// The options of a command line, after those of the file that its `--config` names. Of an option that is given once the
  /// command line's counts; those that may be given more often come together.
  package static func options(_ arguments: [String]) throws -> CommandLineOptions {
    let options = try CommandLineOptions(arguments, known: options)
    guard let path = options["config"] else { return options }
    return try CommandLineOptions(try Self.arguments(file: path) + arguments, known: Self.options)
  }

  /// A file's members as a command line. Names that no option has are refused with the options' own error.
  package static func arguments(file path: String) throws -> [String] {
    let documents = try YAML.parse(try Files.read(path), file: path)
    guard documents.count <= 1, let value = documents.first?.value ?? .some([:]), case .object(let object) = value
    else {
      throw UsageError("\(path): expected one mapping of options to their values")
    }
    return try object.members.flatMap { name, value throws -> [String] in
      guard let option = options.first(where: { $0.name == name }), name != "config" else {
        throw UsageError("\(path): there is no option \(name)")
      }
      let values = if case .array(let values) = value { values } else { [value] }
      return try values.flatMap { value throws -> [String] in
        switch value {
        case .bool(let isOn) where option.value == nil: isOn ? ["--\(name)"] : []
        case .string(let text) where option.value != nil: ["--\(name)=\(text)"]
        case .int(let number) where option.value != nil: ["--\(name)=\(number)"]
        case .null: []
        default:
          throw UsageError(
            "\(path): \(name): found \(value), expected \(option.value == nil ? "true or false" : "a text or number")")
        }
      }
    }
  }
}
