/// The fields of a protobuf message as they are on the wire.
struct ProtobufFields {
  enum Value {
    case number(UInt64)
    case bytes(ArraySlice<UInt8>)
  }

  let all: [(number: Int, value: Value)]

  init(_ bytes: ArraySlice<UInt8>) throws(StatusError) {
    var rest = bytes
    var fields: [(Int, Value)] = []
    while !rest.isEmpty {
      let tag = try Self.varint(&rest)
      let number = Int(tag >> 3)
      switch tag & 7 {
      case 0: fields.append((number, .number(try Self.varint(&rest))))
      case 1: fields.append((number, .number(try Self.fixed(8, &rest))))
      case 5: fields.append((number, .number(try Self.fixed(4, &rest))))
      case 2:
        let length = try Self.varint(&rest)
        guard length <= UInt64(rest.count) else { throw Self.truncated }
        fields.append((number, .bytes(rest.prefix(Int(length)))))
        rest = rest.dropFirst(Int(length))
      default: throw .badRequest("protobuf: field \(number) has wire type \(tag & 7), which is not in use")
      }
    }
    all = fields
  }

  private static var truncated: StatusError { .badRequest("protobuf: the message ends in the middle of a field") }

  private static func varint(_ rest: inout ArraySlice<UInt8>) throws(StatusError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard let byte = rest.popFirst() else { throw truncated }
      value |= UInt64(byte & 127) << shift
      if byte < 128 { return value }
    }
    throw .badRequest("protobuf: a number is longer than 64 bits")
  }

  private static func fixed(_ count: Int, _ rest: inout ArraySlice<UInt8>) throws(StatusError) -> UInt64 {
    guard rest.count >= count else { throw truncated }
    let value = rest.prefix(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    rest = rest.dropFirst(count)
    return value
  }
}
