/// The hosts a rule is for.
package enum HostPattern: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// One name, in lower case.
  case exact(String)
  /// `*.example.com`: names with exactly one more label than `example.com`, which is what is kept here.
  case wildcard(String)
  /// Every host, and requests without one.
  case any

  /// A host of a rule: nil stands for every host. nil comes back for text that no request can have: a bare `*`, a star
  /// elsewhere than as the first label, characters that names do not have.
  package init?(_ text: String?) {
    guard let text, !text.isEmpty else {
      self = .any
      return
    }
    let name = text.lowercased()
    let rest = name.hasPrefix("*.") ? String(name.dropFirst(2)) : name
    guard Self.isName(rest) else { return nil }
    self = name.hasPrefix("*.") ? .wildcard(rest) : .exact(rest)
  }

  private static func isName(_ text: String) -> Bool {
    let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return text.utf8.count <= 253
      && labels.allSatisfy { label in
        (1...63).contains(label.count)
          && label.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
          }
      }
  }

  /// As the Ingress writes it; `*` for every host.
  package var description: String {
    switch self {
    case .exact(let name): name
    case .wildcard(let rest): "*.\(rest)"
    case .any: "*"
    }
  }
}
