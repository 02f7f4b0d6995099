internal import JSON

/// An error of a CNI plugin (CNI 1.1.0, section 5 "Error"): it goes to standard output as JSON, and the exit status is 1.
package struct CNIError: Error, Hashable, CustomStringConvertible {
  /// Codes 1 to 99 are the specification's, 8 is libcni's, from 100 on they are ours.
  package enum Code: Int, Sendable {
    case incompatibleVersion = 1
    case unsupportedField = 2
    case unknownContainer = 3
    case invalidEnvironment = 4
    case inputOutput = 5
    case decoding = 6
    case invalidConfiguration = 7
    case badNamespace = 8
    case tryAgain = 11
    case notAvailable = 50
    /// As 50, and pods that are there may not reach everything.
    case limitedConnectivity = 51
    /// The kernel refused a part of the wiring.
    case wiring = 100
    /// No address is left.
    case exhausted = 101
    /// CHECK found something other than ADD made.
    case checkFailed = 102
    /// A host port is another pod's, or a program's.
    case hostPortTaken = 103
  }

  package let code: Code
  /// One sentence: what, where, what to do.
  package let message: String
  package let details: String

  package init(_ code: Code, _ message: String, details: String = "") {
    self.code = code
    self.message = message
    self.details = details
  }

  package var description: String { details.isEmpty ? message : "\(message): \(details)" }

  func json(version: CNIVersion) -> JSON {
    var json: JSON = [
      "cniVersion": .string(version.rawValue), "code": .int(Int64(code.rawValue)), "msg": .string(message),
    ]
    if !details.isEmpty { json["details"] = .string(details) }
    return json
  }
}
