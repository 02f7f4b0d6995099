import Addressing
import JSON

let groundParsers: [String: Parser] = [
  "address": { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    if let address = IPAddress(text) { precondition(IPAddress(address.description) == address) }
    if let prefix = Prefix(text) { precondition(Prefix(prefix.description) == prefix) }
    _ = MACAddress(text)
  },
  "json": { bytes in
    guard let value = try? JSON(parsing: bytes) else { return }
    precondition((try? JSON(parsing: value.bytes())) == value, "what was written does not read back")
  },
]

/// Splits bytes at the first zero: two texts in one input.
func halves(_ bytes: [UInt8]) -> (first: [UInt8], second: [UInt8]) {
  guard let zero = bytes.firstIndex(of: 0) else { return (bytes, []) }
  return (Array(bytes[..<zero]), Array(bytes[(zero + 1)...]))
}
