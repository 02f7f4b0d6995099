internal import Glibc

/// A message of a batch that the kernel refused. Nothing of the batch was applied.
package struct NFTablesError: Error, Hashable, CustomStringConvertible {
  /// errno.
  package let code: CInt
  /// The message: `add elements to set frontends4 of table inet swiftlet-services`.
  package let operation: String
  /// The kernel's own words; empty where it gave none.
  package let explanation: String
  /// The key of the element that was refused, in hexadecimal; nil where the kernel named none.
  package let element: String?

  package init(code: CInt, operation: String, explanation: String, element: String?) {
    self.code = code
    self.operation = operation
    self.explanation = explanation
    self.element = element
  }

  package var description: String {
    var text = "\(operation): \(String(cString: strerror(code)))"
    if let element { text += ", element \(element)" }
    if !explanation.isEmpty { text += " (\(explanation))" }
    return text
  }
}
