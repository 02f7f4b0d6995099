internal import Addressing
internal import JSON

/// Faults of ServiceCIDRs and IPAddresses (KEP-1880).
enum ServiceRangeValidation {
  /// What is wrong with the name of an IPAddress, which is its address; nil if nothing is.
  static func addressName(_ name: String) -> String? {
    guard let address = IPAddress(name) else {
      return "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
    }
    return "\(address)" == name ? nil : "must be in canonical form (\"\(address)\")"
  }

  static func address(_ spec: JSON, _ collector: inout FaultCollector) {
    let parent = spec["parentRef"]
    if parent.isNull { return collector.add(.required("spec.parentRef")) }
    collector.optionalName(parent["group"], "spec.parentRef.group", NameRules.subdomain)
    collector.name(parent["resource"], "spec.parentRef.resource", NameRules.pathSegment)
    collector.name(parent["name"], "spec.parentRef.name", NameRules.pathSegment)
    collector.optionalName(parent["namespace"], "spec.parentRef.namespace", NameRules.pathSegment)
  }

  static func range(_ spec: JSON, _ collector: inout FaultCollector) {
    let texts = spec["cidrs"].elements
    if texts.isEmpty { return collector.add(.required("spec.cidrs", "at least one CIDR required")) }
    if texts.count > 2 { return collector.add(.invalid("spec.cidrs", spec["cidrs"], "may only hold up to 2 values")) }
    var families: Set<IPFamily> = []
    for (index, text) in texts.enumerated() {
      let field = "spec.cidrs[\(index)]"
      guard let prefix = Prefix(text.string ?? "") else {
        collector.add(.invalid(field, text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"))
        continue
      }
      if "\(prefix)" != text.string {
        collector.add(.invalid(field, text, "must be in canonical form (\"\(prefix)\")"))
      }
      if prefix.family == .v6, prefix.length < 64 {
        collector.add(
          .invalid(field, text, "shortest allowed prefix length for service CIDR is 64, got \(prefix.length)"))
      }
      if !families.insert(prefix.family).inserted {
        collector.add(
          .invalid(
            "spec.cidrs", spec["cidrs"],
            "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"))
      }
    }
  }

  /// A second family may be added; everything else stays.
  static func changed(_ spec: JSON, from old: JSON, _ collector: inout FaultCollector) {
    let before = old["cidrs"].elements
    let after = spec["cidrs"].elements
    guard before != after, !(before.count == 1 && after.count == 2 && after[0] == before[0]) else { return }
    for (index, text) in after.enumerated() where !before.indices.contains(index) || before[index] != text {
      collector.add(.invalid("spec.cidrs[\(index)]", text, "field is immutable"))
    }
    if after.count < before.count { collector.add(.invalid("spec.cidrs", spec["cidrs"], "field is immutable")) }
  }
}
