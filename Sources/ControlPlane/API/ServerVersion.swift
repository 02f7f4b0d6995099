internal import JSON

/// What the server says it is.
package struct ServerVersion: Sendable {
  /// The Kubernetes API that is spoken.
  let major = "1"
  let minor = "36"
  /// `vMAJOR.MINOR.PATCH+swiftlet.…`: kubectl insists on a semantic version.
  let gitVersion: String

  package init(program: String = "0.1") { gitVersion = "v1.36.0+swiftlet.\(program)" }

  var json: JSON {
    [
      "major": .string(major), "minor": .string(minor), "gitVersion": .string(gitVersion), "gitCommit": "",
      "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "swift",
      "platform": "linux",
    ]
  }
}
