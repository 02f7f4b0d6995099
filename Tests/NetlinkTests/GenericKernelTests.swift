import Glibc
import Linux
import Netlink
import Testing

@Suite(.serialized) struct GenericKernelTests {
  /// Every kernel has the controller, which describes itself.
  @Test func familiesAreFoundByName() throws {
    let socket = try GenericSocket()
    let controller = try socket.family("nlctrl")
    #expect(controller.id == 16)
    #expect(controller.version >= 1)
    let error = #expect(throws: NetlinkError.self) { try socket.family("swt-none") }
    #expect(error?.code == ENOENT)
    #expect(error?.description.contains("swt-none") == true)
  }

  /// Answers of many messages: the controller lists all families, itself among them.
  @Test func dumpsReturnAllMessages() throws {
    let socket = try GenericSocket()
    let messages = try socket.dump(socket.family("nlctrl"), command: 3, "list families") { _ in }
    let families = messages.compactMap { GenericFamily($0) }
    #expect(families.count == messages.count)
    #expect(families.contains { $0.name == "nlctrl" && $0.id == 16 })
    #expect(Set(families.map(\.id)).count == families.count)
  }
}
