/// Who sends a request.
package struct APIUser: Sendable, Hashable {
  package let name: String
  package let groups: [String]
  /// Empty where nothing tells two of one name apart.
  package let uid: String

  package init(name: String, groups: [String], uid: String = "") {
    self.name = name
    self.groups = groups
    self.uid = uid
  }

  /// The process that holds the server.
  package static let system = APIUser(name: "system:apiserver", groups: ["system:masters", "system:authenticated"])
  /// Who names nobody.
  package static let anonymous = APIUser(name: "system:anonymous", groups: ["system:unauthenticated"])
}
