internal import Addressing
internal import JSON

/// Faults of LoadBalancerPools. What a real API server lets through by the CustomResourceDefinition the controller tells in
/// the pool's condition.
enum LoadBalancerPoolValidation {
  static func check(_ spec: JSON, _ collector: inout FaultCollector) {
    let texts = spec["addresses"].elements
    if texts.isEmpty { collector.add(.required("spec.addresses")) }
    for (index, text) in texts.enumerated() {
      do { _ = try AddressRange(parsing: text.string ?? "") } catch {
        collector.add(
          .invalid(
            "spec.addresses[\(index)]", text,
            "must be an address, FIRST-LAST or a CIDR (e.g. 192.0.2.16/28 or 2001:db8::10-2001:db8::1f): \(error)"))
      }
    }
    for field in ["serviceSelector", "namespaceSelector"] where !spec[field].isNull {
      collector.labelSelector(spec[field], "spec.\(field)")
    }
  }
}
