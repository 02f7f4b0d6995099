internal import JSON
internal import Kubernetes

/// A kubeconfig with everything inline, for kubectl and for agents.
package enum KubeconfigFile {
  /// `server` is the URL. The text is JSON, which is YAML too.
  package static func text(
    server: String, authority: String, token: String, cluster: String = "swiftlet", user: String = "admin"
  ) -> String {
    let config: JSON = [
      "apiVersion": "v1", "kind": "Config", "current-context": .string(cluster),
      "clusters": [
        [
          "name": .string(cluster),
          "cluster": [
            "server": .string(server), "certificate-authority-data": .string(Base64.encode(Array(authority.utf8))),
          ],
        ]
      ],
      "users": [["name": .string(user), "user": ["token": .string(token)]]],
      "contexts": [
        ["name": .string(cluster), "context": ["cluster": .string(cluster), "user": .string(user)]]
      ],
    ]
    return config.prettyDescription() + "\n"
  }
}
