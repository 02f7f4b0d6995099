internal import Addressing
internal import CLinux
internal import Glibc
package import Netlink

/// Limits the rate of a pod's link, in both directions, by token buckets of the kernel's traffic control.
///
/// To the pod, what leaves by the node's end of the link is queued there. From the pod, what comes in by it is sent through
/// the queue of a device of its own (`ifb`) and back: nothing can be queued where it comes in, and inside the pod a
/// privileged container could take the limit away. All of it is in every kernel since 3.14 that has the modules sch_tbf,
/// sch_ingress, cls_u32, act_mirred and ifb.
package struct PodShaping {
  package typealias Attachment = NetworkConfiguration.Attachment

  let host: RouteSocket
  /// The network's name, the last word of a device's alias.
  let network: String

  package init(host: RouteSocket, network: String) {
    self.host = host
    self.network = network
  }

  /// The name of the device that the pod's own packets queue in: `sifb` and the digits of the link's name.
  package static func deviceName(_ attachment: Attachment) -> String {
    "sifb" + PodLink.hostName(attachment).suffix(11)
  }

  /// The bucket for a limit. A burst holds the largest packet, and what waits is what passes in 50 ms: more would be
  /// delay for nothing.
  package static func bucket(_ limit: BandwidthLimit, mtu: Int) -> QueueingDiscipline.TokenBucket {
    let rate = max(1, limit.rate / 8)
    // Segments that the kernel keeps together to 64 KiB are taken apart where the bucket is smaller.
    let least = UInt64(mtu + 64)
    let burst = UInt32(clamping: max(limit.burst / 8, least, 16 << 10))
    let waiting = max(rate / 20, 2 * least, 16 << 10)
    return .init(rate: rate, burst: burst, limit: UInt32(clamping: UInt64(burst) + waiting))
  }

  /// Limits a link.
  ///
  /// - Parameter link: the node's end.
  package func apply(_ runtime: RuntimeConfiguration, to link: Link, _ attachment: Attachment) throws {
    if let limit = runtime.ingress {
      try host.perform(.setTokenBucket(link.index, Self.bucket(limit, mtu: link.mtu)))
    }
    guard let limit = runtime.egress else { return }
    let name = Self.deviceName(attachment)
    try removeDevice(attachment)
    do {
      try host.perform(.addLink(.intermediate, .init(name: name, mtu: link.mtu)))
    } catch let error as NetlinkError where error.code == EOPNOTSUPP {
      throw CNIError(
        .wiring,
        "bandwidth from the pod needs the kernel module ifb, which this kernel lacks; "
          + "load it (modprobe ifb numifbs=0), or take egressRate out of the pod's request")
    }
    do {
      guard let device = try host.link(.name(name)) else {
        throw CNIError(.tryAgain, "link \(name) vanished while it was being set up")
      }
      try host.perform([
        .setLink(.index(device.index), .init(isUp: true, alias: "\(PodLink.alias(attachment)) \(network)")),
        .setTokenBucket(device.index, Self.bucket(limit, mtu: link.mtu)), .addIngress(link.index),
        .redirectIngress(link.index, to: device.index),
      ])
    } catch {
      try? removeDevice(attachment)
      throw error
    }
  }

  /// Takes a pod's device away; the rest goes with the link. None is success.
  package func removeDevice(_ attachment: Attachment) throws {
    guard let device = try host.link(.name(Self.deviceName(attachment))), device.kind == "ifb",
      PodLink.isAlias(device.alias, of: attachment)
    else { return }
    try host.perform(.deleteLink(.index(device.index)).accepting(ENODEV))
  }

  /// Takes away the devices of this network's attachments that are not in the list, and those of an ADD that was killed
  /// before it had said whose they are.
  package func removeDevices(allBut valid: Set<Attachment>) throws {
    let stale = try host.links(kind: "ifb").filter { device in
      guard let alias = device.alias else { return device.name.hasPrefix("sifb") && device.name.utf8.count == 15 }
      guard let attachment = PodLink.attachment(alias: alias) else { return false }
      return !valid.contains(attachment) && alias == "\(PodLink.alias(attachment)) \(network)"
    }
    try host.perform(stale.map { .deleteLink(.index($0.index)).accepting(ENODEV) })
  }

  /// What is not as it should be, for CHECK; empty if all is well.
  package func differences(_ runtime: RuntimeConfiguration, _ link: Link, _ attachment: Attachment) throws -> [String] {
    var differences: [String] = []
    func compare(_ limit: BandwidthLimit?, _ device: Link?, _ name: String, _ direction: String) throws {
      guard let limit else { return }
      let wanted = Self.bucket(limit, mtu: link.mtu)
      let found = try device.map { try host.queueingDisciplines(interface: $0.index) } ?? []
      guard found.first(where: \.isRoot)?.tokenBucket?.rate == wanted.rate else {
        return differences.append(
          "\(name) does not limit what goes \(direction) the pod to \(limit.rate) bits a second")
      }
    }
    try compare(runtime.ingress, link, link.name, "to")
    let name = Self.deviceName(attachment)
    try compare(runtime.egress, try host.link(.name(name)), name, "from")
    if runtime.egress != nil,
      try !host.queueingDisciplines(interface: link.index).contains(where: { $0.kind == "ingress" })
    {
      differences.append("\(link.name) does not send what comes from the pod to \(name)")
    }
    return differences
  }
}
