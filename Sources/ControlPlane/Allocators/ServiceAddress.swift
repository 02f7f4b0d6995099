internal import Addressing
internal import JSON
internal import Kubernetes

/// The IPAddress object that says which Service has an address (KEP-1880 "Multiple Service CIDRs"). Its name is the
/// address, so that two Services cannot have one.
enum ServiceAddress {
  static let resource = "ipaddresses.networking.k8s.io"
  static let managerLabel = "ipaddress.kubernetes.io/managed-by"
  static let familyLabel = "ipaddress.kubernetes.io/ip-family"
  static let manager = "ipallocator.k8s.io"

  static func key(_ address: IPAddress) -> StoreKey { StoreKey(resource, name: "\(address)") }

  static func labels(_ address: IPAddress) -> JSON {
    [familyLabel: .string(address.family.name), managerLabel: .string(manager)]
  }

  static func parent(namespace: String, name: String) -> JSON {
    ["group": "", "resource": "services", "namespace": .string(namespace), "name": .string(name)]
  }

  /// Whether an IPAddress belongs to a Service. A missing group is the core group.
  static func belongs(_ object: JSON, namespace: String, name: String) -> Bool {
    let parent = object["spec", "parentRef"]
    return (parent["group"].string ?? "").isEmpty && parent["resource"].string == "services"
      && parent["namespace"].string == namespace && parent["name"].string == name
  }

  /// The addresses in a Service's `spec.clusterIPs`.
  static func addresses(ofService service: JSON) -> [IPAddress] {
    service["spec", "clusterIPs"].elements.compactMap { $0.string.flatMap { IPAddress($0) } }
  }

  /// A new object for the store.
  static func object(_ address: IPAddress, service metadata: JSON) -> JSON {
    [
      "metadata": [
        "name": .string("\(address)"), "uid": .string(APIHandler.newUID()), "generation": 1,
        "creationTimestamp": .string(Timestamp.now().description), "labels": labels(address),
      ],
      "spec": [
        "parentRef": parent(namespace: metadata["namespace"].string ?? "", name: metadata["name"].string ?? "")
      ],
    ]
  }
}
