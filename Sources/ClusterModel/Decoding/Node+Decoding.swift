internal import Addressing
internal import JSON

extension Node: APIDecodable {
  package static var kind: String { "Node" }

  package init(reading reader: inout ObjectReader) throws(ModelError) {
    self.init(name: reader.id.name)
    labels = reader.labels
    annotations = reader.annotations
    for (index, entry) in reader.json["status", "addresses"].elements.enumerated()
    where entry["type"].string == "InternalIP" {
      if let address = reader.address(entry["address"], "status.addresses[\(index)].address") {
        addresses.append(address)
      }
    }
    let spec = reader.json["spec"]
    var ranges = spec["podCIDRs"].elements
    if ranges.isEmpty, !spec["podCIDR"].isNull { ranges = [spec["podCIDR"]] }
    for (index, range) in ranges.enumerated() {
      if let range = reader.prefix(range, "spec.podCIDRs[\(index)]") { podRanges.append(range) }
    }
    isLeaving =
      !reader.json["metadata", "deletionTimestamp"].isNull
      || spec["taints"].elements.contains { $0["key"].string == "ToBeDeletedByClusterAutoscaler" }
    for condition in reader.json["status", "conditions"].elements {
      switch condition["type"].string {
      case "Ready": isReady = condition["status"].string == "True"
      case "NetworkUnavailable":
        networkUnavailable = NodeCondition(
          status: condition["status"].string ?? "", reason: condition["reason"].string ?? "")
      default: break
      }
    }
  }
}

extension Namespace: APIDecodable {
  package static var kind: String { "Namespace" }

  package init(reading reader: inout ObjectReader) throws(ModelError) {
    self.init(name: reader.id.name)
    labels = reader.labels
    // The API server sets this label and lets nobody change it (KEP-2161); policies may rely on it.
    labels["kubernetes.io/metadata.name"] = reader.id.name
  }
}
