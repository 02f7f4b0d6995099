/// The syntaxes of names and labels, each with the sentence Kubernetes refuses others with.
enum NameRules {
  private static func isLower(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) }
  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    isLower(byte) || isDigit(byte) || (0x41...0x5A).contains(byte)
  }

  private static func isLabel(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
    guard let first = bytes.first, let last = bytes.last else { return false }
    func edge(_ byte: UInt8) -> Bool { isLower(byte) || isDigit(byte) }
    return edge(first) && edge(last) && bytes.allSatisfy { edge($0) || $0 == 0x2D }
  }

  /// What is wrong with a DNS label (RFC 1123); nil if nothing is.
  static func label(_ name: String) -> String? {
    if name.utf8.count > 63 { return "must be no more than 63 bytes" }
    if isLabel(name.utf8) { return nil }
    return
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
      + "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
      + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
  }

  /// A DNS label that begins with a letter (RFC 1035): Service names.
  static func label1035(_ name: String) -> String? {
    if name.utf8.count > 63 { return "must be no more than 63 bytes" }
    if isLabel(name.utf8), let first = name.utf8.first, isLower(first) { return nil }
    return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
      + "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
      + "'[a-z]([-a-z0-9]*[a-z0-9])?')"
  }

  /// DNS labels with dots between.
  static func subdomain(_ name: String) -> String? {
    if name.utf8.count > 253 { return "must be no more than 253 bytes" }
    let parts = Array(name.utf8).split(separator: 0x2E, omittingEmptySubsequences: false)
    if parts.allSatisfy({ isLabel($0) }) { return nil }
    return
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
      + "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
      + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
  }

  /// A host name of an Ingress rule, which may begin with `*.`.
  static func host(_ name: String) -> String? {
    guard name.hasPrefix("*.") else { return subdomain(name) }
    if subdomain(String(name.dropFirst(2))) == nil { return nil }
    return
      "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
      + "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', "
      + "regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
  }

  /// Names that only have to fit into a URL path: roles and their bindings.
  static func pathSegment(_ name: String) -> String? {
    if name == "." || name == ".." { return "may not be '\(name)'" }
    for sign in ["/", "%"] where name.contains(sign) { return "may not contain '\(sign)'" }
    return nil
  }

  private static func isQualifiedPart(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
    guard let first = bytes.first, let last = bytes.last else { return false }
    return isAlphanumeric(first) && isAlphanumeric(last)
      && bytes.allSatisfy { isAlphanumeric($0) || $0 == 0x2D || $0 == 0x5F || $0 == 0x2E }
  }

  /// A label or annotation key: an optional DNS name, a slash, and a name.
  static func qualifiedName(_ key: String) -> String? {
    let parts = key.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let name = parts.last else {
      return
        "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
        + "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
        + "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. "
        + "'example.com/MyName')"
    }
    if parts.count == 2 {
      if parts[0].isEmpty { return "prefix part must be non-empty" }
      if let fault = subdomain(String(parts[0])) { return "prefix part \(fault)" }
    }
    if name.isEmpty { return "name part must be non-empty" }
    if name.utf8.count > 63 { return "name part must be no more than 63 bytes" }
    if isQualifiedPart(name.utf8) { return nil }
    return "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
      + "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
      + "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
  }

  static func labelValue(_ value: String) -> String? {
    if value.utf8.count > 63 { return "must be no more than 63 bytes" }
    if value.isEmpty || isQualifiedPart(value.utf8) { return nil }
    return
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
      + "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
      + "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
  }

  /// A port's name (RFC 6335): at most 15 of a-z, 0-9 and single hyphens, with a letter.
  static func portName(_ name: String) -> String? {
    if name.utf8.count > 15 { return "must be no more than 15 bytes" }
    if !name.utf8.allSatisfy({ isLower($0) || isDigit($0) || $0 == 0x2D }) {
      return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    }
    if !name.utf8.contains(where: isLower) { return "must contain at least one letter (a-z)" }
    if name.contains("--") { return "must not contain consecutive hyphens" }
    if name.hasPrefix("-") || name.hasSuffix("-") { return "must not begin or end with a hyphen" }
    return nil
  }

  /// A key of a ConfigMap or Secret.
  static func dataKey(_ key: String) -> String? {
    if key.utf8.count > 253 { return "must be no more than 253 bytes" }
    if key == "." || key == ".." { return "must not be '\(key)'" }
    if key.hasPrefix("..") { return "must not start with '..'" }
    if !key.isEmpty, key.utf8.allSatisfy({ isAlphanumeric($0) || $0 == 0x2D || $0 == 0x5F || $0 == 0x2E }) {
      return nil
    }
    return
      "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME', "
      + " or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
  }
}
