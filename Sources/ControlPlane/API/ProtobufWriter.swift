/// Writes protobuf messages (https://protobuf.dev/programming-guides/encoding).
struct ProtobufWriter {
  private(set) var bytes: [UInt8] = []

  private mutating func varint(_ number: Int) {
    var rest = UInt64(bitPattern: Int64(number))
    while rest > 127 {
      bytes.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private mutating func delimited(_ field: Int, _ content: some Collection<UInt8>) {
    varint(field << 3 | 2)
    varint(content.count)
    bytes += content
  }

  mutating func number(_ field: Int, _ value: Int) {
    varint(field << 3)
    varint(value)
  }

  mutating func string(_ field: Int, _ text: String) { delimited(field, text.utf8) }

  mutating func message(_ field: Int, _ body: (inout ProtobufWriter) -> Void) {
    var inner = ProtobufWriter()
    body(&inner)
    delimited(field, inner.bytes)
  }
}
