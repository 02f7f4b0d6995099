internal import Addressing
internal import JSON
internal import Kubernetes
internal import Linux

extension BGPConfiguration {
  /// Reads a file of YAML or JSON, and the files with passwords that it names.
  package init(file path: String, usualAS: ASNumber = .usual) throws {
    try self.init(parsing: try Files.read(path), file: path, usualAS: usualAS) { try Files.readText($0) }
  }

  /// - Parameters:
  ///   - usualAS: the nodes' autonomous system where the file says none.
  ///   - read: gives the text of a password's file.
  package init(
    parsing bytes: [UInt8], file: String, usualAS: ASNumber = .usual, read: (String) throws -> String
  ) throws {
    let documents = try YAML.parse(bytes, file: file)
    if documents.count > 1 {
      throw BGPConfigurationError(
        file: file, field: "",
        reason: "found \(documents.count) documents, expected one; the second begins on line "
          + "\(documents[1].line)")
    }
    self.init()
    asNumber = usualAS
    guard let document = documents.first else { return }
    let fields = try BGPFields(document.value, file: file)
    asNumber = try fields.asNumber("as") ?? asNumber
    port = try fields.port("port") ?? port
    hasNodeMesh = try fields.bool("nodeMesh") ?? hasNodeMesh
    if let reflection = try fields.object("reflectors") {
      reflectors = try reflection.selector("nodes")
      clusterID = try reflection.clusterID("clusterID") ?? clusterID
      try reflection.finish()
    }
    holdTime = try fields.integer("holdTime", in: 3...3600) ?? holdTime
    advertise = try fields.advertisements("advertise") ?? advertise
    communities = try fields.communities("communities")
    var names: Set<String> = []
    for fields in try fields.objects("peers") {
      let peer = try BGPPeer(fields, read: read)
      guard names.insert(peer.name).inserted else {
        throw fields.error("name", "there are two peers of the name \"\(peer.name)\"")
      }
      peers.append(peer)
    }
    try fields.finish()
  }
}

extension BGPPeer {
  fileprivate init(_ fields: BGPFields, read: (String) throws -> String) throws {
    let name = try fields.required("name", try fields.string("name"))
    guard BGPPeer.isName(name) else {
      throw fields.error("name", "found \"\(name)\", expected at most 40 letters, digits, \".\", \"_\" and \"-\"")
    }
    self.init(
      name: name, address: try fields.required("address", try fields.address("address")),
      asNumber: try fields.required("as", try fields.asNumber("as")))
    port = try fields.port("port") ?? port
    nodes = try fields.selector("nodes") ?? nodes
    multihop = try fields.integer("multihop", in: 1...255)
    families = try fields.families("families") ?? families
    advertise = try fields.advertisements("advertise")
    communities = try fields.communities("communities")
    accept = try fields.prefixes("accept")
    if let path = try fields.string("passwordFile") {
      let content: String
      do { content = try read(path) } catch { throw fields.error("passwordFile", "\(error)") }
      guard let password = BGPPassword(content) else {
        throw fields.error(
          "passwordFile",
          "\(path) holds no password that can be used: 1 to \(BGPPassword.maximumLength) printable ASCII characters "
            + "without quotation marks")
      }
      self.password = password
    }
    try fields.finish()
  }
}
