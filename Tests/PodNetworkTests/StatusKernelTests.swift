import Addressing
import JSON
import Linux
import Testing

@testable import PodNetwork

@Suite(.serialized) struct StatusKernelTests {
  @Test func saysWhyNoPodCanBeAdded() throws {
    let node = try TestNode(["10.244.1.0/30"])
    #expect(try node.call("STATUS", [:]).status == 0)
    let none = try node.call("STATUS", [:]) { $0["ipam", "ranges"] = [] }
    #expect(none.output["code"] == 50 && none.output["msg"].string?.contains("no pod range yet") == true)
    #expect(try node.call("STATUS", [:]) { $0["cniVersion"] = "1.0.0" }.output["code"] == 1)

    let pod = try node.pod("pod")
    _ = try node.add(pod)
    let full = try node.call("STATUS", [:])
    #expect(full.output["code"] == 50 && full.output["msg"].string?.contains("10.244.1") == true, "\(full.output)")
    // With pods on it, a missing bridge is more than a missing bridge.
    #expect(try node.run("ip link set cni0 down").status.isSuccess)
    let down = try node.call("STATUS", [:])
    #expect(down.output["code"] == 51 && down.output["msg"].string?.contains("cni0 is down") == true, "\(down.output)")
    #expect(try node.run("ip link del cni0").status.isSuccess)
    let missing = try node.call("STATUS", [:])
    #expect(missing.output["code"] == 51 && missing.output["msg"].string?.contains("cni0 is missing") == true)
    #expect(try node.call("DEL", pod.environment).status == 0)
    #expect(try node.call("STATUS", [:]).status == 0)
    // Without ipam there is nothing that could be missing.
    #expect(try node.call("STATUS", [:]) { $0["ipam"] = .null }.status == 0)
  }

  @Test func checkOfAContainerNobodyKnows() throws {
    let node = try TestNode()
    let pod = try node.pod("pod")
    let result = try node.add(pod)
    #expect(try node.call("DEL", pod.environment).status == 0)
    let unknown = try node.call("CHECK", pod.environment, previousResult: result)
    #expect(unknown.output["code"] == 3, "\(unknown.output)")
  }

  @Test func theFileOfTheNetwork() throws {
    let node = try TestNode()
    let path = "\(node.directory)/conf/10-swiftlet.conflist"
    let wanted = node.configuration.list
    #expect(try node.configuration.write(to: path))
    // Half a file, an empty one, a network of another version and an older one of ours are replaced.
    for content in ["", "{\"cniVers", "[]", "{\"cniVersion\":\"9.9.9\",\"name\":\"x\",\"plugins\":[]}"] {
      try Files.write(path, content)
      #expect(try node.configuration.write(to: path), "\(content)")
      #expect(try JSON(parsing: Files.read(path)) == wanted)
    }
    var older = wanted
    older["cniVersion"] = "0.3.1"
    older["plugins"] = [["type": "swiftlet-cni", "bridge": "cni9"]]
    try Files.write(path, older.description)
    #expect(try node.configuration.write(to: path))
    #expect(try JSON(parsing: Files.read(path)) == wanted)
    // What an operator chained stays where it was.
    var chained = wanted
    chained["plugins"] = [["type": "tuning", "mtu": 1400], ["type": "swiftlet-cni"], ["type": "firewall"]]
    try Files.write(path, chained.description)
    #expect(try node.configuration.write(to: path))
    let plugins = try JSON(parsing: Files.read(path))["plugins"]
    #expect(plugins.elements.map { $0["type"].string } == ["tuning", "swiftlet-cni", "firewall"])
    #expect(plugins[1] == wanted["plugins"][0] && plugins[0]["mtu"] == 1400)
    #expect(try !node.configuration.write(to: path))
    // Somebody else's network is not ours to overwrite.
    let foreign = "{\"cniVersion\":\"1.0.0\",\"name\":\"flannel\",\"plugins\":[{\"type\":\"flannel\"}]}"
    try Files.write(path, foreign)
    let error = #expect(throws: CNIError.self) { try node.configuration.write(to: path) }
    #expect(error?.code == .invalidConfiguration && error?.message.contains("flannel") == true)
    #expect(try Files.readText(path) == foreign)
    #expect(try Files.list("\(node.directory)/conf") == ["10-swiftlet.conflist"])
  }
}
