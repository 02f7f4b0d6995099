/// A record type (IANA, "DNS Parameters"). Numbers without a name here are values like any other.
package struct RecordType: RawRepresentable, Hashable, Sendable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  package static let a = RecordType(rawValue: 1)
  package static let ns = RecordType(rawValue: 2)
  package static let cname = RecordType(rawValue: 5)
  package static let soa = RecordType(rawValue: 6)
  package static let ptr = RecordType(rawValue: 12)
  package static let hinfo = RecordType(rawValue: 13)
  package static let mx = RecordType(rawValue: 15)
  package static let txt = RecordType(rawValue: 16)
  package static let aaaa = RecordType(rawValue: 28)
  package static let srv = RecordType(rawValue: 33)
  package static let dname = RecordType(rawValue: 39)
  package static let opt = RecordType(rawValue: 41)
  package static let ixfr = RecordType(rawValue: 251)
  package static let axfr = RecordType(rawValue: 252)
  package static let any = RecordType(rawValue: 255)

  /// Transfers: no records that a name could have.
  var isMeta: Bool { self == .axfr || self == .ixfr }
}

/// A response code, the upper eight bits of an EDNS answer included (RFC 6891 section 6.1.3).
package struct ResponseCode: RawRepresentable, Hashable, Sendable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  package static let noError = ResponseCode(rawValue: 0)
  package static let formatError = ResponseCode(rawValue: 1)
  package static let serverFailure = ResponseCode(rawValue: 2)
  package static let nameError = ResponseCode(rawValue: 3)
  package static let notImplemented = ResponseCode(rawValue: 4)
  package static let refused = ResponseCode(rawValue: 5)
  package static let badVersion = ResponseCode(rawValue: 16)
}

/// The numbers of the message format (RFC 1035 section 4, RFC 6891).
enum Wire {
  static let headerLength = 12
  /// The most bytes of a name, its root label included.
  static let longestName = 255
  static let longestLabel = 63
  static let classInternet: UInt16 = 1

  // Header flags.
  static let response: UInt16 = 0x8000
  static let authoritative: UInt16 = 0x0400
  static let truncated: UInt16 = 0x0200
  static let recursionDesired: UInt16 = 0x0100
  static let recursionAvailable: UInt16 = 0x0080
  static let authenticData: UInt16 = 0x0020
  static let checkingDisabled: UInt16 = 0x0010
  static let opcodeMask: UInt16 = 0x7800
  static let codeMask: UInt16 = 0x000F

  /// The EDNS flag "DNSSEC OK".
  static let dnssecOK: UInt16 = 0x8000
  /// The size we announce and the most we send in a datagram: it fits every path's MTU (DNS flag day 2020).
  static let datagramLimit = 1232
  /// The most bytes of a datagram to a client without EDNS.
  static let classicDatagramLimit = 512
  /// EDNS option edns-tcp-keepalive (RFC 7828).
  static let keepaliveOption: UInt16 = 11
  /// EDNS option COOKIE (RFC 7873).
  static let cookieOption: UInt16 = 10

  /// ASCII letters to lower case: names compare without case (RFC 4343).
  @inline(__always) static func lower(_ byte: UInt8) -> UInt8 {
    byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
  }
}
