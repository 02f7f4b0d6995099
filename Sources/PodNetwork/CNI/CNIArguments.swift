package import Addressing

/// CNI_ARGS: `KEY=VALUE` pairs parted by semicolons. Keys nobody knows are an error unless `IgnoreUnknown` is set, as
/// the specification's own library has it.
package struct CNIArguments: Hashable, Sendable {
  /// `IP`, one address or several with commas between.
  package var addresses: [IPAddress] = []
  /// `MAC`.
  package var mac: MACAddress?
  /// `K8S_POD_NAMESPACE` and `K8S_POD_NAME` as `namespace/name`; nil for callers that are no Kubernetes runtime.
  package var pod: String?

  package init() {}

  package init(_ text: String) throws(CNIError) {
    func wrong(_ reason: String) -> CNIError { CNIError(.invalidEnvironment, "CNI_ARGS \"\(text)\": \(reason)") }
    var values: [String: String] = [:]
    for pair in text.split(separator: ";") {
      guard let equals = pair.firstIndex(of: "=") else { throw wrong("\"\(pair)\" is not of the form KEY=VALUE") }
      values[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
    }
    let known: Set<String> = [
      "IgnoreUnknown", "IP", "MAC", "K8S_POD_NAMESPACE", "K8S_POD_NAME", "K8S_POD_INFRA_CONTAINER_ID", "K8S_POD_UID",
    ]
    switch values["IgnoreUnknown", default: "0"].lowercased() {
    case "1", "true": break
    case "0", "false":
      let unknown = values.keys.filter { !known.contains($0) }.sorted()
      guard unknown.isEmpty else {
        throw wrong("\(unknown.joined(separator: ", ")) is not known here; pass IgnoreUnknown=1 to have it ignored")
      }
    default: throw wrong("IgnoreUnknown is \"\(values["IgnoreUnknown"] ?? "")\", expected 1 or 0")
    }
    for part in values["IP", default: ""].split(separator: ",") {
      do { addresses.append(try requestedAddress(String(part))) } catch { throw wrong("IP: \(error)") }
    }
    if let text = values["MAC"], !text.isEmpty {
      guard let mac = MACAddress(text), !mac.isMulticast else {
        throw wrong("MAC \(text) is no Ethernet address of one interface, such as 0a:58:0a:f4:01:02")
      }
      self.mac = mac
    }
    // Only for people to read, so that a name of another shape is left out rather than refused.
    if let name = values["K8S_POD_NAME"], isCNIName(name) {
      let namespace = values["K8S_POD_NAMESPACE", default: ""]
      pod = isCNIName(namespace) ? "\(namespace)/\(name)" : name
    }
  }
}

/// An address that a runtime asks for; a prefix length after it is ignored.
func requestedAddress(_ text: String) throws(AddressError) -> IPAddress {
  text.contains("/") ? try Prefix.parseInterface(text).0 : try IPAddress(parsing: text)
}
