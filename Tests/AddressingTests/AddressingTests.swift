import Addressing
import Testing

@Suite struct IPv4AddressTests {
  @Test(arguments: ["0.0.0.0", "10.0.0.1", "255.255.255.255", "192.168.100.200"])
  func canonicalTextComesBack(text: String) throws {
    #expect(try IPv4Address(parsing: text).description == text)
  }

  @Test(arguments: [
    ("", 0), ("10", 2), ("10.0.0", 6), ("10.0.0.", 7), ("10.0.0.256", 7), ("10.0.0.1.2", 8), ("10.0.0.01", 7),
    ("1.2.3.x", 6), (" 1.2.3.4", 0), ("1.2.3.4 ", 7), ("1..3.4", 2), ("1000.1.1.1", 3),
  ])
  func wrongTextSaysWhere(text: String, offset: Int) {
    let error = #expect(throws: AddressError.self) { try IPv4Address(parsing: text) }
    #expect(error?.offset == offset)
    #expect(error?.text == text)
  }
}

@Suite struct IPv6AddressTests {
  /// RFC 5952 section 4 and RFC 4291 section 2.2.
  @Test(arguments: [
    ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:0db8::0001", "2001:db8::1"),
    ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
    ("2001:DB8::A", "2001:db8::a"), ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("0:0:0:0:0:0:0:0", "::"),
    ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
    ("::ffff:c000:201", "::ffff:192.0.2.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
    ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
    ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
  ])
  func printsCanonically(text: String, canonical: String) throws {
    #expect(try IPv6Address(parsing: text).description == canonical)
  }

  @Test(arguments: [
    ("", 0), (":", 0), (":1", 0), ("1:", 1), ("1:2:3", 5), ("1::2::3", 5), ("12345::", 4), ("1:2:3:4:5:6:7:8:9", 16),
    ("g::", 0), ("::1%eth0", 3), ("1:2:3:4:5:6:7:1.2.3.4", 14), ("::1.2.3.256", 8), ("1:::2", 3), ("::-1", 2),
    ("1:2:3:4:5:6:7:8::", 15),
  ])
  func wrongTextSaysWhere(text: String, offset: Int) {
    let error = #expect(throws: AddressError.self) { try IPv6Address(parsing: text) }
    #expect(error?.offset == offset, "\(error?.description ?? "")")
  }

  @Test func everyPrintedAddressReadsBack() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<5_000 {
      // Zero groups often, since they make the form.
      var value: UInt128 = 0
      for _ in 0..<8 { value = value << 16 | (Bool.random() ? 0 : UInt128(UInt16.random(in: 0...9, using: &random))) }
      let address = IPv6Address(rawValue: value)
      #expect(try IPv6Address(parsing: address.description) == address)
    }
  }
}

@Suite struct IPAddressTests {
  @Test func familiesSortApart() {
    let sorted: [IPAddress] = ["10.0.0.1", "10.0.0.2", "::", "::1"].map { IPAddress($0)! }
    #expect(sorted.shuffled().sorted() == sorted)
  }

  @Test func bytesAreInNetworkOrder() {
    #expect(IPAddress("1.2.3.4")!.bytes == [1, 2, 3, 4])
    #expect(IPAddress(bytes: [1, 2, 3, 4]) == IPAddress("1.2.3.4"))
    #expect(IPAddress("2001:db8::1")!.bytes == [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1])
    #expect(IPAddress(bytes: IPAddress("2001:db8::1")!.bytes) == IPAddress("2001:db8::1"))
    #expect(IPAddress(bytes: [1, 2, 3]) == nil)
  }

  @Test(arguments: [
    ("127.0.0.1", true, false, false), ("169.254.1.1", false, true, false), ("224.0.0.1", false, false, true),
    ("10.0.0.1", false, false, false), ("::1", true, false, false), ("fe80::1", false, true, false),
    ("febf::1", false, true, false), ("fec0::1", false, false, false), ("ff02::1", false, false, true),
    ("2001:db8::1", false, false, false),
  ])
  func knowsSpecialAddresses(text: String, loopback: Bool, linkLocal: Bool, multicast: Bool) {
    let address = IPAddress(text)!
    #expect(address.isLoopback == loopback)
    #expect(address.isLinkLocal == linkLocal)
    #expect(address.isMulticast == multicast)
  }
}

@Suite struct PrefixTests {
  @Test(arguments: ["0.0.0.0/0", "10.244.0.0/16", "10.0.0.1/32", "::/0", "2001:db8::/32", "fd00::1/128"])
  func canonicalTextComesBack(text: String) throws {
    #expect(try Prefix(parsing: text).description == text)
  }

  @Test(arguments: [
    ("10.0.0.0", 8), ("10.0.0.0/", 9), ("10.0.0.0/33", 9), ("10.0.0.0/08", 9), ("10.0.0/8", 6), ("::/129", 3),
    ("::/-1", 3), ("10.0.0.0/8x", 9), ("10.1.0.0/8", 0),
  ])
  func wrongTextSaysWhere(text: String, offset: Int) {
    let error = #expect(throws: AddressError.self) { try Prefix(parsing: text) }
    #expect(error?.offset == offset)
  }

  @Test func hostBitsAreNamedWithTheRemedy() {
    let error = #expect(throws: AddressError.self) { try Prefix(parsing: "10.244.1.7/16") }
    #expect(error?.reason.contains("10.244.0.0/16") == true)
  }

  @Test(arguments: [
    ("10.0.0.0/8", "10.1.0.0/16", true), ("10.1.0.0/16", "10.0.0.0/8", true), ("10.0.0.0/16", "10.1.0.0/16", false),
    ("0.0.0.0/0", "192.168.0.0/16", true), ("0.0.0.0/0", "::/0", false), ("fd00::/8", "fd12::/16", true),
    ("10.96.0.0/16", "10.96.0.10/32", true),
  ])
  func overlaps(left: String, right: String, expected: Bool) {
    #expect(Prefix(left)!.overlaps(Prefix(right)!) == expected)
    #expect(Prefix(right)!.overlaps(Prefix(left)!) == expected)
  }

  @Test func firstLastAndCount() {
    let prefix = Prefix("10.244.1.0/24")!
    #expect(prefix.first.description == "10.244.1.0")
    #expect(prefix.last.description == "10.244.1.255")
    #expect(prefix.count == 256)
    #expect(prefix.address(at: 255)?.description == "10.244.1.255")
    #expect(prefix.address(at: 256) == nil)
    #expect(Prefix("::/0")!.count == .max)
    #expect(Prefix("::/0")!.last.description == "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
    #expect(Prefix("0.0.0.0/0")!.last.description == "255.255.255.255")
    #expect(Prefix("1.2.3.4/32")!.count == 1)
  }

  @Test func subnets() {
    let range = Prefix("10.244.0.0/16")!
    #expect(range.subnet(length: 24, at: 0)?.description == "10.244.0.0/24")
    #expect(range.subnet(length: 24, at: 255)?.description == "10.244.255.0/24")
    #expect(range.subnet(length: 24, at: 256) == nil)
    #expect(range.subnet(length: 8, at: 0) == nil)
    #expect(range.subnet(length: 16, at: 0) == range)
    #expect(Prefix("fd00::/48")!.subnet(length: 64, at: 0xABCD)?.description == "fd00:0:0:abcd::/64")
    #expect(Prefix("::/0")!.subnet(length: 128, at: 5)?.description == "::5/128")
  }

  /// An address is in a prefix exactly when it lies between its first and last.
  @Test func containsAgreesWithFirstAndLast() {
    for _ in 0..<5_000 {
      let length = Int.random(in: 0...32)
      let prefix = Prefix(.v4(IPv4Address(rawValue: .random(in: 0 ... .max))), length: length)
      let near = prefix.address.number &+ UInt128(UInt32.random(in: 0...600)) &- 300
      let address = IPAddress(.v4, number: near)
      #expect(prefix.contains(address) == (prefix.first <= address && address <= prefix.last))
    }
  }

  @Test func interfaceAddressesKeepHostBits() throws {
    let (address, length) = try Prefix.parseInterface("10.244.1.7/24")
    #expect(address.description == "10.244.1.7")
    #expect(length == 24)
  }
}

@Suite struct MACAddressTests {
  @Test(arguments: [("0a:58:0a:f4:01:02", "0a:58:0a:f4:01:02"), ("AA-BB-CC-DD-EE-FF", "aa:bb:cc:dd:ee:ff")])
  func parses(text: String, canonical: String) throws {
    #expect(try MACAddress(parsing: text).description == canonical)
  }

  @Test(arguments: [
    ("", 0), ("0a:58", 5), ("0a:58:0a:f4:01:0g", 16), ("0a:58:0a:f4:01:02:03", 17), ("0a-58:0a:f4:01:02", 5),
    ("0a580af40102", 2),
  ])
  func wrongTextSaysWhere(text: String, offset: Int) {
    let error = #expect(throws: AddressError.self) { try MACAddress(parsing: text) }
    #expect(error?.offset == offset)
  }

  @Test func knowsItsBits() {
    #expect(MACAddress("01:00:5e:00:00:01")!.isMulticast)
    #expect(MACAddress("02:00:00:00:00:01")!.isLocal)
    #expect(!MACAddress("00:16:3e:00:00:01")!.isLocal)
  }
}
