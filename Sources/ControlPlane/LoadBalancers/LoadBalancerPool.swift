internal import Addressing
internal import JSON
internal import Kubernetes

/// A pool of addresses for Services of type LoadBalancer: an object `LoadBalancerPool` of `swiftlet.dev/v1`.
struct LoadBalancerPool: Hashable, Sendable {
  let name: String
  /// In the order in which addresses are given out.
  let ranges: [AddressRange]
  /// Which Services may have an address; nil for all.
  let serviceSelector: LabelSelector?
  /// Of which namespaces, by their labels; nil for all.
  let namespaceSelector: LabelSelector?
  /// Whether addresses are given to Services that ask for none of this pool.
  let isAutomatic: Bool
  /// Why nothing of it is given out; nil if all is well.
  let fault: String?

  init(
    name: String, ranges: [AddressRange], serviceSelector: LabelSelector? = nil,
    namespaceSelector: LabelSelector? = nil,
    isAutomatic: Bool = true, fault: String? = nil
  ) {
    self.name = name
    self.ranges = ranges
    self.serviceSelector = serviceSelector
    self.namespaceSelector = namespaceSelector
    self.isAutomatic = isAutomatic
    self.fault = fault
  }

  /// Reads an object. What cannot be read is told by `fault`: a selector left out would select more than was meant.
  /// `clusterRanges` are those of Services and pods, of which no address may be given out.
  init(_ object: KubernetesObject, clusterRanges: [Prefix] = []) {
    var faults: [String] = []
    var ranges: [AddressRange] = []
    for (index, text) in object.spec["addresses"].elements.enumerated() {
      do {
        let range = try AddressRange(parsing: text.string ?? "")
        if let other = clusterRanges.first(where: { AddressRange($0).overlaps(range) }) {
          faults.append("spec.addresses[\(index)]: \(range) overlaps \(other), a range of the cluster's own")
        }
        ranges.append(range)
      } catch {
        faults.append("spec.addresses[\(index)]: \(error)")
      }
    }
    func selector(_ field: String) -> LabelSelector? {
      guard !object.spec[field].isNull else { return nil }
      do { return try LabelSelector(decoding: object.spec[field]) } catch {
        faults.append("spec.\(field)\(error.path): found \(error.found), expected \(error.expected)")
        return nil
      }
    }
    self.init(
      name: object.name, ranges: ranges, serviceSelector: selector("serviceSelector"),
      namespaceSelector: selector("namespaceSelector"), isAutomatic: object.spec["autoAssign"].bool ?? true,
      fault: faults.isEmpty ? nil : faults.joined(separator: "; "))
  }

  func contains(_ address: IPAddress) -> Bool { ranges.contains { $0.contains(address) } }

  /// Whether a Service may have an address of it.
  func admits(_ request: LoadBalancerRequest) -> Bool {
    fault == nil && serviceSelector?.matches(request.labels) ?? true
      && namespaceSelector?.matches(request.namespaceLabels) ?? true
  }

  /// How many addresses there are; saturates.
  var count: UInt128 {
    ranges.reduce(0) { sum, range in sum.addingReportingOverflow(range.count).overflow ? .max : sum + range.count }
  }
}
