internal import Addressing
internal import JSON

/// The IP families of a Service: completed from what its owner wrote, or refused with the faults (KEP-563 "IPv4/IPv6
/// dual-stack", section "Service"; the published API reference of `spec.ipFamilyPolicy`, `ipFamilies`, `clusterIPs`). Pure.
struct ServiceFamilies: Equatable {
  /// What a client may write into `spec.ipFamilyPolicy`.
  static let policies = ["PreferDualStack", "RequireDualStack", "SingleStack"]

  /// The primary family first.
  var families: [IPFamily]
  var policy: String
  /// Addresses the owner asks for, by place; fewer than families where some are left to the allocator.
  var requested: [IPAddress]

  /// The families of a Service that is not an ExternalName.
  ///
  /// - Parameters:
  ///   - spec: as its owner wrote it, with defaults.
  ///   - old: the stored one; nil when the Service is new or was an ExternalName.
  ///   - configured: those of the cluster's Service ranges, the one of single-stack Services first.
  init(_ spec: JSON, old: JSON?, configured: [IPFamily]) throws(ServiceFamilyFaults) {
    let spec = Self.released(spec, old: old)
    let isHeadless = spec["clusterIP"].string == "None" || spec["clusterIPs"].elements.first?.string == "None"
    var addresses = spec["clusterIPs"].elements
    if addresses.isEmpty, let one = spec["clusterIP"].string, !one.isEmpty { addresses = [.string(one)] }
    var families: [IPFamily] = []
    var faults: [FieldFault] = Self.shapeFaults(spec, addresses)
    for name in spec["ipFamilies"].elements {
      if let family = IPFamily.allCases.first(where: { $0.name == name.string }) { families.append(family) }
    }
    requested = isHeadless ? [] : addresses.compactMap { $0.string.flatMap { IPAddress($0) } }
    for (index, address) in requested.enumerated() {
      if !families.indices.contains(index) {
        families.append(address.family)
      } else if families[index] != address.family {
        faults.append(
          .invalid(
            "spec.clusterIPs[\(index)]", .string("\(address)"),
            "expected an \(families[index].name) value as indicated by `ipFamilies[\(index)]`"))
      }
    }
    if let old { faults += Self.changeFaults(spec, old: old) }
    if !faults.isEmpty { throw ServiceFamilyFaults(faults) }

    let named = spec["ipFamilyPolicy"].string
    // Nothing of the cluster is used by a headless Service without a selector: its endpoints are the owner's affair.
    if isHeadless, spec["selector"].members.isEmpty {
      policy = named ?? "RequireDualStack"
      if families.isEmpty { families = [configured.first ?? .v4] }
      if policy != "SingleStack", families.count < 2 { families.append(families[0] == .v4 ? .v6 : .v4) }
      self.families = families
      return
    }
    policy = named ?? (families.count == 2 ? "RequireDualStack" : "SingleStack")
    for (index, family) in families.enumerated() where !configured.contains(family) {
      faults.append(.invalid("spec.ipFamilies[\(index)]", .string(family.name), "not configured on this cluster"))
    }
    if policy == "RequireDualStack", configured.count < 2 {
      faults.append(
        .invalid("spec.ipFamilyPolicy", .string(policy), "this cluster is not configured for dual-stack services"))
    }
    if !faults.isEmpty { throw ServiceFamilyFaults(faults) }
    if families.isEmpty { families = [configured.first ?? .v4] }
    if policy != "SingleStack", families.count == 1, !Self.isUntouched(spec, old: old),
      let other = configured.first(where: { $0 != families[0] })
    {
      families.append(other)
    }
    self.families = families
  }

  /// A PreferDualStack Service from before the cluster had a second family stays as it is until its owner touches it.
  private static func isUntouched(_ spec: JSON, old: JSON?) -> Bool {
    guard let old, spec["ipFamilyPolicy"] == "PreferDualStack" else { return false }
    return ["ipFamilyPolicy", "ipFamilies", "clusterIPs"].allSatisfy { spec[$0] == old[$0] }
  }

  /// Who sets the policy to SingleStack and leaves the rest as it was wants the secondary address given back.
  private static func released(_ spec: JSON, old: JSON?) -> JSON {
    guard let old, spec["ipFamilyPolicy"] == "SingleStack", old["ipFamilyPolicy"] != "SingleStack" else { return spec }
    var spec = spec
    for field in ["clusterIPs", "ipFamilies"] where spec[field].elements.count == 2 && spec[field] == old[field] {
      spec[field] = [spec[field][0]]
    }
    return spec
  }

  /// What is wrong with the three fields whatever the cluster is.
  private static func shapeFaults(_ spec: JSON, _ addresses: [JSON]) -> [FieldFault] {
    var faults: [FieldFault] = []
    let names = spec["ipFamilies"].elements
    for (index, name) in names.enumerated() {
      if !IPFamily.allCases.contains(where: { $0.name == name.string }) {
        faults.append(.notSupported("spec.ipFamilies[\(index)]", name, IPFamily.allCases.map(\.name)))
      } else if names[..<index].contains(name) {
        faults.append(.duplicate("spec.ipFamilies[\(index)]", name))
      }
    }
    for (field, values) in [("spec.ipFamilies", names), ("spec.clusterIPs", addresses)] where values.count > 2 {
      faults.append(.invalid(field, .array(values), "may only hold up to 2 values"))
    }
    if addresses.count > 1, addresses.contains("None") {
      faults.append(.invalid("spec.clusterIPs", .array(addresses), "'None' must be the first and only value"))
    }
    let families = addresses.compactMap { $0.string.flatMap { IPAddress($0)?.family } }
    if families.count == 2, families[0] == families[1] {
      faults.append(
        .invalid("spec.clusterIPs", .array(addresses), "may specify no more than one IP for each IP family"))
    }
    guard let policy = spec["ipFamilyPolicy"].string else { return faults }
    if !policies.contains(policy) {
      faults.append(.notSupported("spec.ipFamilyPolicy", spec["ipFamilyPolicy"], policies))
    } else if policy == "SingleStack" {
      for (field, values) in [("ipFamilies", names), ("clusterIPs", addresses)] where values.count > 1 {
        faults.append(
          .invalid(
            "spec.ipFamilyPolicy", .string(policy),
            "must be RequireDualStack or PreferDualStack when multiple \(field) are specified"))
      }
    }
    return faults
  }

  /// The primary never changes; the secondary comes and goes, but does not turn into another.
  private static func changeFaults(_ spec: JSON, old: JSON) -> [FieldFault] {
    var faults: [FieldFault] = []
    for (field, what) in [("clusterIPs", "clusterIP"), ("ipFamilies", "ipFamily")] {
      let before = old[field].elements
      let after = spec[field].elements
      guard let first = before.first else { continue }
      if after.first != first {
        faults.append(
          .invalid(
            "spec.\(field)[0]", after.first ?? .null,
            after.isEmpty ? "primary \(what) can not be unset" : "may not change once set"))
      } else if before.count == 2, after.count == 2, before[1] != after[1] {
        faults.append(.invalid("spec.\(field)[1]", after[1], "may not change once set"))
      } else if before.count == 2, after.count == 1, spec["ipFamilyPolicy"] != "SingleStack" {
        faults.append(
          .invalid(
            "spec.ipFamilyPolicy", spec["ipFamilyPolicy"],
            "must be set to 'SingleStack' when releasing the secondary \(what)"))
      }
    }
    return faults
  }
}

/// Why a Service cannot have the families it asks for.
struct ServiceFamilyFaults: Error, Hashable {
  let faults: [FieldFault]

  init(_ faults: [FieldFault]) { self.faults = faults }
}
