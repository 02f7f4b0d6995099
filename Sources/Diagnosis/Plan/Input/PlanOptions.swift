internal import Addressing
package import Linux

/// What `swiftlet plan` is told.
package struct PlanOptions: Sendable {
  package var request = PlanRequest()
  /// Also stay clear of what this machine uses.
  package var surveysMachine = false
  /// Where the drawing goes; nil for none.
  package var drawing: String?
  /// Print a configuration instead of the report.
  package var emission: PlanEmission?
  package var isJSON = false
  /// Columns of the report; nil is the terminal's.
  package var width: Int?

  static let nodeBounds = 1...1_000_000
  static let podBounds = 1...100_000
  static let serviceBounds = 0...10_000_000
  static let surgeBounds = 0...100

  package static let known: [CommandLineOptions.Option] = [
    .init("filename", "FILE", letter: "f", "read the plan from a YAML or JSON file, - for standard input; options win"),
    .init("node-range", "PREFIX", "addresses of the nodes; may be repeated"),
    .init("pod-range", "PREFIX", "addresses of the pods; once a family"),
    .init("service-range", "PREFIX", "addresses of the Services; once a family"),
    .init("family", "4|6|46|64", "families of the cluster, the primary one first (those of the ranges, or 4)"),
    .init("node-mask", "LENGTH", "prefix length of a node's part of the IPv4 pod range (24)"),
    .init("node-mask-ipv6", "LENGTH", "the same for IPv6 (64)"),
    .init("nodes", "N", "nodes at the start (3)"),
    .init("max-nodes", "N", "nodes there may ever be (as many as --nodes)"),
    .init("pods-per-node", "N", "kubelet's maxPods (110)"),
    .init("services", "N", "Services"),
    .init("surge", "PERCENT", "pods a rollout adds before the old ones are gone (25)"),
    .init("avoid", "NAME=PREFIX", "a network to stay clear of: office=…, vpn=…, vpc=…, any name; docker: its pools"),
    .init("here", nil, "stay clear of what this machine's links, routes, VPNs, Docker and name servers use"),
    .init("for", "TARGET", "whose limits count: kubernetes, kubeadm, eks, gke, aks; may be repeated (kubeadm)"),
    .init("emit", "FORMAT", "print a configuration: kubeadm, kind, flannel, swiftlet"),
    .init("svg", "FILE", "draw the address space into a file"),
    .init("output", "FORMAT", letter: "o", "text or json (text)"),
    .init("width", "COLUMNS", "columns of the text (the terminal's, or 100)"),
  ]

  package static let usage = """
    usage: swiftlet plan [OPTION]…
    Checks the node, pod and service ranges of a cluster that does not exist yet, and proposes what is missing.
    Exit status: 0 sound, 1 unsound, 2 unusable input.

    \(CommandLineOptions.help(known))
    """

  /// - Throws: `UsageError` or `PlanInputError`.
  package init(_ arguments: [String]) throws {
    let given = try CommandLineOptions(arguments, known: Self.known)
    if let stray = given.operands.first ?? given.rest?.first { throw UsageError("unexpected \"\(stray)\"") }
    if let path = given["filename"] { request = try PlanFile.read(path) }
    for (role, name) in [(PlannedRange.Role.node, "node-range"), (.pod, "pod-range"), (.service, "service-range")]
    where given.has(name) {
      request[role] = try given.all(name).flatMap { $0.split(separator: ",") }.map {
        try RangeText.range(role, String($0), from: "--\(name)")
      }
    }
    if let text = given["family"] { request.wantedFamilies = try RangeText.families(text, from: "--family") }
    if let mask = try given.integer("node-mask", in: 1...32) { request.nodeMasks[.v4] = mask }
    if let mask = try given.integer("node-mask-ipv6", in: 1...128) { request.nodeMasks[.v6] = mask }
    try readDemand(given)
    for text in given.all("avoid") {
      let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
      guard let name = parts.first else { throw UsageError("option --avoid: found \"\(text)\", expected NAME=PREFIX") }
      let ranges = parts.count == 2 ? parts[1].split(separator: ",").map(String.init) : []
      request.taken += try RangeText.networks(named: name, ranges, from: "--avoid")
    }
    if given.has("for") {
      let names = given.all("for").flatMap { $0.split(separator: ",").map(String.init) }
      request.targets = try RangeText.targets(names, from: "--for")
    }
    surveysMachine = given.has("here")
    drawing = given["svg"]
    if let name = given["emit"] {
      guard let emission = PlanEmission(rawValue: name) else {
        throw UsageError(
          "option --emit: found \"\(name)\", expected "
            + PlanEmission.allCases.map(\.rawValue).joined(separator: ", "))
      }
      self.emission = emission
    }
    if let format = given["output"] {
      guard ["text", "json"].contains(format) else {
        throw UsageError("option --output: found \"\(format)\", expected text or json")
      }
      isJSON = format == "json"
    }
    width = try given.integer("width", in: 40...1000)
  }

  private mutating func readDemand(_ given: CommandLineOptions) throws {
    request.demand.nodes = try given.integer("nodes", in: Self.nodeBounds) ?? request.demand.nodes ?? 3
    request.demand.maximumNodes =
      try given.integer("max-nodes", in: Self.nodeBounds) ?? request.demand.maximumNodes
    request.demand.podsPerNode =
      try given.integer("pods-per-node", in: Self.podBounds) ?? request.demand.podsPerNode ?? 110
    request.demand.services = try given.integer("services", in: Self.serviceBounds) ?? request.demand.services
    request.demand.surge = try given.integer("surge", in: Self.surgeBounds) ?? request.demand.surge
    if let nodes = request.demand.nodes, let most = request.demand.maximumNodes, most < nodes {
      throw UsageError("at most \(most) nodes are fewer than the \(nodes) at the start: raise --max-nodes")
    }
  }
}
