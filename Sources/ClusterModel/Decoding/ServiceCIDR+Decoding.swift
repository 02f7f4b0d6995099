internal import Addressing
internal import JSON

extension ServiceCIDR: APIDecodable {
  package static var kind: String { "ServiceCIDR" }

  package init(reading reader: inout ObjectReader) throws(ModelError) {
    self.init(name: reader.id.name)
    for (index, entry) in reader.json["spec", "cidrs"].elements.enumerated() {
      if let range = reader.prefix(entry, "spec.cidrs[\(index)]") { ranges.append(range) }
    }
  }
}
