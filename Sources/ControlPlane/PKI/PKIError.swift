/// Certificates, keys or tokens that cannot be made or used: the file or step, and what is wrong.
package struct PKIError: Error, Hashable, CustomStringConvertible {
  package let subject: String
  package let reason: String

  init(_ subject: String, _ reason: String) {
    self.subject = subject
    self.reason = reason
  }

  package var description: String { "\(subject): \(reason)" }
}
