import Addressing
import Glibc
import JSON
import Linux
import Testing

@testable import PodNetwork

@Suite struct HostLocalOptionsTests {
  static func request(_ change: (inout JSON) -> Void) -> JSON {
    var request = PodNetworkConfiguration(podRanges: [Prefix("10.244.1.0/24")!], serviceRanges: [], mtu: 1450).request()
    change(&request)
    return request
  }

  static let routes: [(routes: JSON, code: CNIError.Code?)] = [
    ([["dst": "0.0.0.0/0"]], nil),
    ([["dst": "0.0.0.0/0", "gw": "10.244.1.1"], ["dst": "10.0.0.0/8"]], nil),
    ([["dst": "0.0.0.0/0", "gw": "10.244.1.9"]], .unsupportedField),
    ([["dst": "::/0"]], .invalidConfiguration),
    ([["dst": "everywhere"]], .invalidConfiguration),
  ]

  @Test(arguments: routes.indices)
  func routesByTheGatewayOnly(index: Int) {
    let test = Self.routes[index]
    let request = Self.request { $0["ipam", "routes"] = test.routes }
    do {
      _ = try NetworkConfiguration(request)
      #expect(test.code == nil)
    } catch {
      #expect(error.code == test.code && error.message.contains("ipam.routes[0]"), "\(error)")
    }
  }

  @Test func resolverOfAFile() throws {
    let text = """
      # a comment
      nameserver 10.96.0.10
      nameserver fd00::a\r
      domain example.org
      search first.example
      search a.example  b.example
      options ndots:5 edns0
      options rotate
      nameserver
      sortlist 130.155.160.0
      """
    let expected: JSON = [
      "nameservers": ["10.96.0.10", "fd00::a"], "domain": "example.org", "search": ["a.example", "b.example"],
      "options": ["ndots:5", "edns0", "rotate"],
    ]
    #expect(HostLocalOptions.resolver(text: text) == expected)
    var template = Array("/tmp/swt-podnet-XXXXXX".utf8CString)
    let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer { try? Files.removeTree(folder) }
    try Files.write(folder + "/resolv.conf", text)
    var request = Self.request { _ in }
    request["ipam", "resolvConf"] = .string(folder + "/resolv.conf")
    #expect(try NetworkConfiguration(request).dns == expected)
    request["ipam", "resolvConf"] = .string(folder + "/missing")
    let missing = request
    let error = #expect(throws: CNIError.self) { try NetworkConfiguration(missing) }
    #expect(error?.code == .inputOutput && error?.message.contains("ipam.resolvConf") == true)
    // What the network's own configuration says comes first, as with Debian's bridge.
    request["dns"] = ["nameservers": ["192.0.2.1"]]
    #expect(try NetworkConfiguration(request).dns == ["nameservers": ["192.0.2.1"]])
  }
}
