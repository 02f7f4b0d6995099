internal import ClusterModel
internal import ClusterDNS
internal import JSON

/// The request `dns-query NAME TYPE [POD]` of a status socket.
package enum DNSQuestion {
  /// The words of a request, which `answer` takes.
  package static func words(name: String, type: String, pod: String?) -> String {
    "dns-query \(name) \(type)" + (pod.map { " \($0)" } ?? "")
  }

  static func answer(_ words: [String], _ plane: DNSPlane, _ model: SharedModel) -> JSON {
    guard words.count >= 2 else { return ["error": "expected a name and a type"] }
    var pod: Pod?
    if words.count > 2 {
      let parts = words[2].split(separator: "/", maxSplits: 1).map(String.init)
      let id = parts.count == 2 ? NamespacedName(parts[0], parts[1]) : NamespacedName("default", words[2])
      // The name server of a Deployment may not watch pods: the namespace is all that counts.
      pod = model.read { $0.pods[id] } ?? Pod(id: id)
    }
    return ["explanation": plane.explain(words[0], type: words[1], from: pod)]
  }
}
