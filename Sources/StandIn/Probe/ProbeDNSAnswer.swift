package import Addressing

/// As much of DNS (RFC 1035) as asking for addresses needs.
package struct ProbeDNSAnswer {
  /// RCODE: 0 is success, 3 is NXDOMAIN.
  let code: Int
  package let addresses: [IPAddress]

  /// A recursive question; `name` ends with a dot.
  package static func query(_ name: String, type: UInt16, identifier: UInt16) -> [UInt8] {
    var bytes: [UInt8] = [UInt8(identifier >> 8), UInt8(identifier & 255), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    for label in name.split(separator: ".") {
      bytes.append(UInt8(truncatingIfNeeded: label.utf8.count))
      bytes += Array(label.utf8)
    }
    return bytes + [0, UInt8(type >> 8), UInt8(type & 255), 0, 1]
  }

  /// Throws `ProbeFailure` for what is malformed or answers another question; `query` is what was sent.
  package init(message: [UInt8], to query: [UInt8]) throws {
    guard message.count >= 12, message[0] == query[0], message[1] == query[1], message[2] & 0x80 != 0 else {
      throw ProbeFailure(description: "the answer is no answer to the question")
    }
    func number(_ offset: Int) throws -> Int {
      guard offset + 1 < message.count else { throw ProbeFailure(description: "the answer ends within a record") }
      return Int(message[offset]) << 8 | Int(message[offset + 1])
    }
    func skipName(_ start: Int) throws -> Int {
      var offset = start
      while offset < message.count, message[offset] != 0 {
        if message[offset] & 0xC0 == 0xC0 { return offset + 2 }
        offset += 1 + Int(message[offset])
      }
      return offset + 1
    }
    code = Int(message[3] & 15)
    var offset = 12
    for _ in 0..<(try number(4)) { offset = try skipName(offset) + 4 }
    var addresses: [IPAddress] = []
    for _ in 0..<(try number(6)) {
      offset = try skipName(offset)
      let type = try number(offset)
      let length = try number(offset + 8)
      offset += 10
      guard offset + length <= message.count else {
        throw ProbeFailure(description: "the answer ends within a record")
      }
      if type == 1 || type == 28, let address = IPAddress(bytes: message[offset..<(offset + length)]) {
        addresses.append(address)
      }
      offset += length
    }
    self.addresses = addresses
  }
}
