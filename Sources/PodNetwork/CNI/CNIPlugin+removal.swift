internal import Addressing
internal import CLinux
internal import Glibc
internal import Linux
internal import Netlink

extension CNIPlugin {
  /// DEL. Nothing there is success; nothing of the configuration but its name and folders is needed.
  func delete(_ request: CNIRequest, _ configuration: NetworkConfiguration) throws {
    let attachment = attachment(request)
    let wiring = try PodWiring(configuration)
    let leases = leases(configuration)
    let result = try? CNIResult(configuration.previousResult)
    let owner = HostPortOwner(network: configuration.name, attachment)
    // New connections end first. What fails there must not keep the link and the addresses.
    let ports = Result { try removeHostPorts { $0.owner.isSame(as: owner) } }
    try PodShaping(host: wiring.host, network: configuration.name).removeDevice(attachment)
    // An address must not be given out while its last owner can still send, or while the node remembers that owner: the
    // lease goes last.
    let held = try leases.held(by: attachment)
    try wiring.disconnect(attachment, addresses: held, macs: result?.interfaces.compactMap(\.mac) ?? [])
    try leases.release(attachment)
    try ports.get()
  }

  /// GC. All parts are tried; the first failure is told.
  func collect(_ configuration: NetworkConfiguration) throws {
    guard let list = configuration.validAttachments else {
      throw CNIError(.invalidConfiguration, "GC needs cni.dev/valid-attachments in the configuration")
    }
    let valid = Set(list)
    let owners = list.map { HostPortOwner(network: configuration.name, $0) }
    let network = HostPortOwner(network: configuration.name, .init(containerID: "", interfaceName: "")).network
    let wiring = try PodWiring(configuration)
    let parts = [
      Result {
        try removeHostPorts { entry in
          entry.owner.network == network && !owners.contains { $0.isSame(as: entry.owner) }
        }
      },
      Result { try PodShaping(host: wiring.host, network: configuration.name).removeDevices(allBut: valid) },
      Result {
        try wiring.disconnect(allBut: valid)
        try wiring.forget(try leases(configuration).release(allBut: valid))
        try wiring.forgetLostPorts()
      },
    ]
    for part in parts { try part.get() }
  }

  private func removeHostPorts(where isRemoved: (HostPortEntry) -> Bool) throws {
    let ports: HostPorts
    do { ports = try HostPorts() } catch  where error.code == EPROTONOSUPPORT {
      return  // a kernel without nf_tables never had any
    }
    try ports.forgetFlows(of: try ports.remove(where: isRemoved))
  }
}
