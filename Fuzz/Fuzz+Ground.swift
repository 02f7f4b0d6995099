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
  // What the tree takes, skipping takes too, and both see the same members.
  "json-reader": { bytes in
    let tree = try? JSON(parsing: bytes)
    let skipped: Void? = try? JSONReader.read(bytes) { reader throws(JSONError) in try reader.skip() }
    precondition(tree == nil || skipped != nil, "skipping refuses what can be read")
    guard tree != nil else { return }
    var keys: [String] = []
    try? JSONReader.read(bytes) { reader throws(JSONError) in
      try reader.members { reader, key throws(JSONError) in
        keys.append(key.string)
        let raw = try reader.raw()
        precondition((try? JSON(parsing: raw)) != nil, "the raw text of a member is no JSON")
      }
    }
    precondition(keys == tree?.members.map(\.key) ?? [], "the reader sees other members than the tree has")
    _ = try? JSONReader.read(bytes) { reader throws(JSONError) in try reader.stringMap() }
    _ = try? JSONReader.read(bytes) { reader throws(JSONError) in try reader.int() }
  },
]

/// Splits bytes at the first zero: two texts in one input.
func halves(_ bytes: [UInt8]) -> (first: [UInt8], second: [UInt8]) {
  guard let zero = bytes.firstIndex(of: 0) else { return (bytes, []) }
  return (Array(bytes[..<zero]), Array(bytes[(zero + 1)...]))
}
