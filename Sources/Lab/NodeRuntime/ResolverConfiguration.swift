internal import JSON

/// The content of a resolv.conf (resolv.conf(5)).
struct ResolverConfiguration: Equatable {
  var nameservers: [String] = []
  var searches: [String] = []
  var options: [String] = []

  init() {}

  /// Reads a host's file. As in the resolver library the last `search` or `domain` line counts.
  init(parsing text: String) {
    for line in text.split(separator: "\n") {
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
      guard let keyword = words.first else { continue }
      switch keyword {
      case "nameserver": nameservers += words.dropFirst().prefix(1)
      case "search", "domain": searches = Array(words.dropFirst())
      case "options": options += words.dropFirst()
      default: continue
      }
    }
  }

  var text: String {
    var lines = nameservers.map { "nameserver \($0)" }
    if !searches.isEmpty { lines.insert("search " + searches.joined(separator: " "), at: 0) }
    if !options.isEmpty { lines.append("options " + options.joined(separator: " ")) }
    return lines.map { $0 + "\n" }.joined()
  }

  /// What a pod gets by its `dnsPolicy` and `dnsConfig`.
  ///
  /// - Parameters:
  ///   - host: the node's own configuration.
  ///   - clusterServers: addresses of the cluster's DNS; without any, `ClusterFirst` means `Default`, as in kubelet.
  static func forPod(
    _ pod: PodManifest, host: ResolverConfiguration, clusterServers: [String], clusterDomain: String
  ) -> ResolverConfiguration {
    var configuration: ResolverConfiguration
    let policy = pod.object["spec", "dnsPolicy"].string ?? "ClusterFirst"
    let usesCluster =
      policy == "ClusterFirstWithHostNet" || (policy == "ClusterFirst" && !pod.usesHostNetwork)
    if policy == "None" {
      configuration = ResolverConfiguration()
    } else if usesCluster && !clusterServers.isEmpty {
      configuration = ResolverConfiguration()
      configuration.nameservers = clusterServers
      configuration.searches = [
        "\(pod.namespace).svc.\(clusterDomain)", "svc.\(clusterDomain)", clusterDomain,
      ].merged(with: host.searches)
      configuration.options = ["ndots:5"]
    } else {
      configuration = host
    }
    let own = pod.object["spec", "dnsConfig"]
    configuration.nameservers = configuration.nameservers.merged(with: own["nameservers"].elements.compactMap(\.string))
    configuration.searches = configuration.searches.merged(with: own["searches"].elements.compactMap(\.string))
    for option in own["options"].elements {
      guard let name = option["name"].string else { continue }
      configuration.options.removeAll { $0 == name || $0.hasPrefix("\(name):") }
      configuration.options.append(option["value"].string.map { "\(name):\($0)" } ?? name)
    }
    return configuration
  }
}

extension [String] {
  /// These, then the others that are not among them.
  fileprivate func merged(with others: [String]) -> [String] {
    var seen: Set<String> = []
    return (self + others).filter { seen.insert($0).inserted }
  }
}
