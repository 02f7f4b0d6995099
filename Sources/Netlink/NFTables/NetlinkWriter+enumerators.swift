/// Attribute types as the kernel's headers name them, so that encoders read like the header.
extension NetlinkWriter {
  mutating func attribute(_ type: some RawRepresentable<UInt32>, bytes value: some Collection<UInt8>) {
    attribute(Int(type.rawValue), bytes: value)
  }
  mutating func attribute<Value: FixedWidthInteger>(_ type: some RawRepresentable<UInt32>, bigEndian value: Value) {
    attribute(Int(type.rawValue), bigEndian: value)
  }
  mutating func attribute<Value: FixedWidthInteger>(_ type: some RawRepresentable<UInt32>, _ value: Value) {
    attribute(Int(type.rawValue), value)
  }
  mutating func attribute(_ type: some RawRepresentable<UInt32>, _ value: String) {
    attribute(Int(type.rawValue), value)
  }
  mutating func nested(_ type: some RawRepresentable<UInt32>, _ body: (inout NetlinkWriter) -> Void) {
    nested(Int(type.rawValue), body)
  }
}

extension NetlinkAttributes {
  subscript(type: some RawRepresentable<UInt32>) -> Attribute? { self[Int(type.rawValue)] }
}
