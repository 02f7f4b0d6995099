package import Addressing
package import JSON

/// What a runtime asks for one attachment, beyond the network's configuration: capability arguments (`runtimeConfig`),
/// `args.cni` and CNI_ARGS (CNI conventions).
package struct RuntimeConfiguration: Hashable, Sendable {
  /// Capability `portMappings`.
  package var portMappings: [PortMapping] = []
  /// To the pod. Capability `bandwidth`, or the members of the configuration that Debian's `bandwidth` has.
  package var ingress: BandwidthLimit?
  /// From the pod.
  package var egress: BandwidthLimit?
  /// Capability `ipRanges`: sets that come before those of the configuration.
  package var rangeSets: [LeaseRangeSet] = []
  /// Addresses asked for: capability `ips`, `args.cni.ips` and `IP` of CNI_ARGS. Each set that contains one gives that.
  package var addresses: [IPAddress] = []
  /// The Ethernet address asked for: capability `mac`, `args.cni.mac` or `MAC` of CNI_ARGS, the first there is.
  package var mac: MACAddress?
  /// Capability `aliases`: other names of the container.
  package var aliases: [String] = []
  /// Capability `dns` in the form of a result; null if it was not given.
  package var dns: JSON = .null
  /// `namespace/name` of the Kubernetes pod, from CNI_ARGS.
  package var pod: String?

  package init() {}

  /// - Parameter json: the whole configuration.
  init(_ json: JSON) throws(CNIError) {
    let asked = json["runtimeConfig"]
    guard asked.isNull || asked.object != nil else { throw invalid("runtimeConfig", asked, "an object") }
    portMappings = try PortMapping.list(asked["portMappings"], "runtimeConfig.portMappings")
    ingress = try Self.limit(json, "ingress")
    egress = try Self.limit(json, "egress")
    for (index, set) in asked["ipRanges"].elements.enumerated() {
      rangeSets.append(try LeaseRangeSet(set, field: "runtimeConfig.ipRanges[\(index)]"))
    }
    for (field, list) in [("runtimeConfig.ips", asked["ips"]), ("args.cni.ips", json["args", "cni", "ips"])] {
      guard list.isNull || list.array != nil else { throw invalid(field, list, "a list of addresses") }
      for (index, item) in list.elements.enumerated() {
        guard let text = item.string, let address = try? requestedAddress(text) else {
          throw invalid("\(field)[\(index)]", item, "an address such as \"10.244.1.7\"")
        }
        if !addresses.contains(address) { addresses.append(address) }
      }
    }
    for (field, item) in [("runtimeConfig.mac", asked["mac"]), ("args.cni.mac", json["args", "cni", "mac"])] {
      if item.isNull || item == "" || mac != nil { continue }
      guard let address = item.string.flatMap({ MACAddress($0) }), !address.isMulticast else {
        throw invalid(field, item, "an Ethernet address of one interface, such as 0a:58:0a:f4:01:02")
      }
      mac = address
    }
    for (index, item) in asked["aliases"].elements.enumerated() {
      guard let name = item.string, isCNIName(name) else {
        throw invalid("runtimeConfig.aliases[\(index)]", item, "a name: letters, digits, '_', '.' or '-'")
      }
      aliases.append(name)
    }
    dns = Self.resolver(asked["dns"])
  }

  /// Adds what CNI_ARGS says, which yields to what the configuration says.
  mutating func add(_ arguments: CNIArguments) {
    for address in arguments.addresses where !addresses.contains(where: { $0 == address }) {
      addresses.append(address)
    }
    mac = mac ?? arguments.mac
    pod = arguments.pod
  }

  private static func limit(_ json: JSON, _ direction: String) throws(CNIError) -> BandwidthLimit? {
    let (rate, burst) = ("\(direction)Rate", "\(direction)Burst")
    let asked = json["runtimeConfig", "bandwidth"]
    if let limit = try BandwidthLimit.read(asked, rate: rate, burst: burst, "runtimeConfig.bandwidth.") { return limit }
    return try BandwidthLimit.read(json, rate: rate, burst: burst, "")
  }

  /// The capability's names of the members differ from the result's.
  private static func resolver(_ json: JSON) -> JSON {
    var dns: JSON = .null
    for (name, source) in [("nameservers", "servers"), ("search", "searches"), ("options", "options")]
    where !json[source].elements.isEmpty {
      dns[name] = json[source]
    }
    return dns
  }
}
