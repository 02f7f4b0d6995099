internal import JSON
internal import Kubernetes

/// The `subsets` of a Service's Endpoints, from its pods. Pure.
struct EndpointSubsets: Equatable {
  /// Most addresses an Endpoints object holds.
  static let capacity = 1000

  struct Subset: Equatable {
    var ports: JSON
    var ready: [JSON] = []
    var notReady: [JSON] = []
  }

  private(set) var subsets: [Subset]
  /// Addresses were left out.
  private(set) var isTruncated = false

  /// Addresses by equal ports, ready ones apart from those that are not. Pods that end are left out, unless the Service
  /// publishes what is not ready; so is a pod that has none of the Service's ports.
  init(_ service: KubernetesObject, _ pods: [KubernetesObject]) {
    let wanted = ServiceEndpoints(service: service)
    let hasPorts = !service.spec["ports"].elements.isEmpty
    let addressType = wanted.addressTypes.first ?? "IPv4"
    var subsets: [String: Subset] = [:]
    for pod in pods.sorted(by: { $0.key < $1.key })
    where !pod.isTerminal && (!pod.isTerminating || wanted.publishesNotReady) {
      guard let address = wanted.address(of: pod, addressType) else { continue }
      let ports = wanted.ports(of: pod)
      if hasPorts, ports.elements.isEmpty { continue }
      var json: JSON = ["ip": .string(address)]
      if let hostname = wanted.hostname(of: pod) { json["hostname"] = .string(hostname) }
      if let node = pod.nodeName { json["nodeName"] = .string(node) }
      json["targetRef"] = ServiceEndpoints.targetReference(pod)
      var subset = subsets[ports.canonicalText] ?? Subset(ports: ports)
      if wanted.isReady(pod) { subset.ready.append(json) } else { subset.notReady.append(json) }
      subsets[ports.canonicalText] = subset
    }
    self.subsets = subsets.sorted { $0.key < $1.key }.map(\.value)
    truncate()
  }

  /// Ready addresses come first; what there is too much of is cut in every subset in proportion.
  private mutating func truncate() {
    let ready = subsets.map(\.ready.count).reduce(0, +)
    let notReady = subsets.map(\.notReady.count).reduce(0, +)
    guard ready + notReady > Self.capacity else { return }
    isTruncated = true
    let cutsReady = ready > Self.capacity
    let room = cutsReady ? Self.capacity : Self.capacity - ready
    let total = cutsReady ? ready : notReady
    var left = room
    for index in subsets.indices {
      let count = cutsReady ? subsets[index].ready.count : subsets[index].notReady.count
      let share = min(left, (count * room + total - 1) / total)
      left -= share
      if cutsReady {
        subsets[index].ready = Array(subsets[index].ready.prefix(share))
        subsets[index].notReady = []
      } else {
        subsets[index].notReady = Array(subsets[index].notReady.prefix(share))
      }
    }
    subsets.removeAll { $0.ready.isEmpty && $0.notReady.isEmpty }
  }

  /// As it stands in the object; null where there is nobody.
  var json: JSON {
    guard !subsets.isEmpty else { return .null }
    return .array(
      subsets.map { subset in
        var json: JSON = [:]
        if !subset.ready.isEmpty { json["addresses"] = .array(subset.ready) }
        if !subset.notReady.isEmpty { json["notReadyAddresses"] = .array(subset.notReady) }
        // One unnamed port has no name here, as Endpoints always had it.
        let ports = subset.ports.elements.map { port in
          var port = port
          if port["name"].string == "" { port["name"] = .null }
          return port
        }
        if !ports.isEmpty { json["ports"] = .array(ports) }
        return json
      })
  }
}
