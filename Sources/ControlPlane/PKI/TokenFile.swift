internal import Linux

/// Who may use the API: a line a token, `token,user,uid,"group1,group2"` (kube-apiserver's static token file).
package struct TokenFile: Sendable {
  private let users: [String: APIUser]
  /// The token of the first user of the group `system:masters`.
  package let adminToken: String

  package init(path: String) throws {
    let text = try Files.readText(path)
    try self.init(text: text, path: path)
  }

  package init(text: String, path: String = "tokens") throws(PKIError) {
    var users: [String: APIUser] = [:]
    var admin: String?
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if line.isEmpty || line.hasPrefix("#") { continue }
      let fields = Self.fields(line)
      guard fields.count >= 3, !fields[0].isEmpty, !fields[1].isEmpty else {
        throw PKIError(path, "line \(index + 1): found \(fields.count) fields, expected token,user,uid[,\"groups\"]")
      }
      var groups = fields.count > 3 ? fields[3].split(separator: ",").map(String.init) : []
      if groups.contains("system:masters"), admin == nil { admin = fields[0] }
      groups.append("system:authenticated")
      users[fields[0]] = APIUser(name: fields[1], groups: groups)
    }
    guard let admin else { throw PKIError(path, "no user is in the group system:masters, so nobody could administer") }
    self.users = users
    adminToken = admin
  }

  /// Comma-separated, quotes around a field that holds commas.
  private static func fields(_ line: Substring) -> [String] {
    var fields = [""]
    var isQuoted = false
    for character in line {
      switch character {
      case "\"": isQuoted.toggle()
      case "," where !isQuoted: fields.append("")
      default: fields[fields.count - 1].append(character)
      }
    }
    return fields
  }

  /// The user an Authorization header names (RFC 6750); nil if it names none.
  func user(authorization: String) -> APIUser? {
    let parts = authorization.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
    return users[String(parts[1])]
  }
}
