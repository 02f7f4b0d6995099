package import JSON

extension CNIResult {
  /// The result of a plugin that comes after others: what they made, as they told it, and after it what we made.
  ///
  /// - Parameter previous: `prevResult`; null for the first plugin.
  package func json(version: CNIVersion, after previous: JSON) -> JSON {
    guard previous.object != nil else { return json(version: version) }
    var result = Self.echo(previous, version: version)
    let shift = result["interfaces"].elements.count
    var own = json(version: version)
    own["ips"] = .array(
      own["ips"].elements.map { item in
        guard let index = item["interface"].int else { return item }
        var item = item
        item["interface"] = .int(Int64(index + shift))
        return item
      })
    for list in ["interfaces", "ips", "routes"] {
      result[list] = .array(result[list].elements + own[list].elements)
    }
    // Who came first was asked first.
    if result["dns"].members.isEmpty { result["dns"] = own["dns"] }
    return result
  }

  /// An earlier result in the shape of a version; members that we do not know stay.
  package static func echo(_ previous: JSON, version: CNIVersion) -> JSON {
    var result = previous
    result["cniVersion"] = .string(version.rawValue)
    func each(_ list: String, _ change: (inout JSON) -> Void) {
      guard let items = result[list].array else { return }
      result[list] = .array(
        items.map { item in
          var item = item
          if item.object != nil { change(&item) }
          return item
        })
    }
    each("ips") { item in
      let isIPv6 = item["address"].string?.contains(":") == true
      item["version"] = version < .v1_0_0 ? .string(isIPv6 ? "6" : "4") : .null
    }
    if version < .v1_1_0 {
      each("interfaces") { item in for key in ["mtu", "socketPath", "pciID"] { item[key] = .null } }
      each("routes") { item in for key in ["mtu", "advmss", "priority", "table", "scope"] { item[key] = .null } }
    }
    return result
  }
}
