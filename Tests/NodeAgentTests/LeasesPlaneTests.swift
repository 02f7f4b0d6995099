import Addressing
import Glibc
import JSON
import Linux
import PodNetwork
import Testing

@testable import NodeAgent

@Suite struct LeasesPlaneTests {
  @Test func orphansAreTakenBackAndOthersStay() throws {
    var template = Array("/tmp/swt-leases-XXXXXX".utf8CString)
    let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer { try? Files.removeTree(folder) }
    let options = [
      "--kubeconfig", "none", "--node-name", "n", "--pod-range", "10.244.0.0/16", "--service-range", "10.96.0.0/16",
      "--cni-conf-dir", folder, "--data-dir", folder,
    ]
    let settings = try AgentConfiguration(CommandLineOptions(options, known: AgentConfiguration.options))
    // A bridge that nobody has: what DEL would do beside the lease is nothing.
    let bridge = "swt-none\(getpid() % 10000)"
    try PodNetworkConfiguration(
      bridge: bridge, podRanges: [Prefix("10.244.1.0/24")!], serviceRanges: [], mtu: 1450,
      dataDirectory: folder
    ).write(to: "\(folder)/10-swiftlet.conflist")
    let store = LeaseStore(dataDirectory: folder, network: "swiftlet")
    let sets = [try LeaseRangeSet(Prefix("10.244.1.0/24")!)]
    _ = try store.lease(sets, to: .init(containerID: "gone-\(getpid())", interfaceName: "eth0"))
    try Files.write("\(store.directory)/10.244.1.50", "host-locals\r\neth0")

    let model = SharedModel(kinds: [])
    let patient = LeasesPlane(settings)
    try patient.synchronize(model)
    try patient.synchronize(model)
    #expect(try store.leases().count == 2)
    // A namespace without the bridge is not the node's: all pods would seem to be gone.
    let namespace = try NetworkNamespace.create()
    let plane = LeasesPlane(settings, grace: 0.001, namespace: namespace)
    for _ in 0..<3 {
      try plane.synchronize(model)
      usleep(2000)
    }
    #expect(try store.leases().count == 2)
    try #require(
      ChildProcess.run(["ip", "link", "add", bridge, "type", "bridge"], namespace: namespace).status.isSuccess)
    try plane.synchronize(model)
    usleep(2000)
    try plane.synchronize(model)
    #expect(try store.leases().map(\.holder.containerID) == ["host-locals"])
    #expect(try store.records().isEmpty)
  }
}
