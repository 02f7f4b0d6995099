internal import CZlib

/// One name and its value in a header block.
package struct SPDYHeader: Hashable, Sendable {
  package let name: String
  package let value: String

  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// Unpacks the header blocks of one direction: one zlib stream over all of them.
final class SPDYHeaderExpander {
  /// Bytes of a block when unpacked: more is an attack on memory.
  static let limit = 64 * 1024
  static let mostHeaders = 256

  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

  init() {
    stream.initialize(to: z_stream())
    let result = swiftlet_inflate_init(stream)
    precondition(result == Z_OK, "zlib has no memory")
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  func expand(_ block: [UInt8]) throws(SPDYError) -> [SPDYHeader] {
    try Self.headers(try inflate(block))
  }

  private func inflate(_ block: [UInt8]) throws(SPDYError) -> [UInt8] {
    var input = block
    var output = [UInt8](repeating: 0, count: Self.limit)
    let stream = stream
    let result = input.withUnsafeMutableBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        stream.pointee.next_in = input.baseAddress
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = output.baseAddress
        stream.pointee.avail_out = UInt32(output.count)
        var result = CZlib.inflate(stream, Z_SYNC_FLUSH)
        if result == Z_NEED_DICT {
          let dictionary = SPDYDictionary.bytes
          result = inflateSetDictionary(stream, dictionary, UInt32(dictionary.count))
          if result == Z_OK { result = CZlib.inflate(stream, Z_SYNC_FLUSH) }
        }
        return result
      }
    }
    guard result == Z_OK || (result == Z_BUF_ERROR && stream.pointee.avail_in == 0) else {
      throw SPDYError("a header block cannot be unpacked: zlib says \(result)")
    }
    guard stream.pointee.avail_in == 0, stream.pointee.avail_out > 0 else {
      throw SPDYError("a header block is larger than \(Self.limit) bytes")
    }
    return Array(output.prefix(output.count - Int(stream.pointee.avail_out)))
  }

  private static func headers(_ bytes: [UInt8]) throws(SPDYError) -> [SPDYHeader] {
    var rest = bytes[...]
    func number() throws(SPDYError) -> Int {
      guard rest.count >= 4 else { throw SPDYError("a header block ends within a number") }
      defer { rest = rest.dropFirst(4) }
      return rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    }
    func text() throws(SPDYError) -> String {
      let count = try number()
      guard count <= rest.count else { throw SPDYError("a header block ends within a text") }
      defer { rest = rest.dropFirst(count) }
      return String(decoding: rest.prefix(count), as: UTF8.self)
    }
    let count = try number()
    guard count <= mostHeaders else { throw SPDYError("a header block has \(count) headers, at most \(mostHeaders)") }
    var headers: [SPDYHeader] = []
    for _ in 0..<count {
      // Names are compared in lower case (section 2.6.10).
      headers.append(SPDYHeader(try text().lowercased(), try text()))
    }
    return headers
  }
}

/// Packs the header blocks of one direction.
final class SPDYHeaderPacker {
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

  init() {
    stream.initialize(to: z_stream())
    let dictionary = SPDYDictionary.bytes
    let result = swiftlet_deflate_init(stream)
    precondition(result == Z_OK, "zlib has no memory")
    deflateSetDictionary(stream, dictionary, UInt32(dictionary.count))
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  func pack(_ headers: [SPDYHeader]) -> [UInt8] {
    var plain: [UInt8] = []
    func append(_ number: Int) {
      for shift in [24, 16, 8, 0] { plain.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
    func append(_ text: String) {
      append(text.utf8.count)
      plain += text.utf8
    }
    append(headers.count)
    for header in headers {
      append(header.name)
      append(header.value)
    }
    var output = [UInt8](repeating: 0, count: Int(deflateBound(stream, UInt(plain.count))) + 64)
    let stream = stream
    let left = plain.withUnsafeMutableBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        stream.pointee.next_in = input.baseAddress
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = output.baseAddress
        stream.pointee.avail_out = UInt32(output.count)
        deflate(stream, Z_SYNC_FLUSH)
        return Int(stream.pointee.avail_out)
      }
    }
    return Array(output.prefix(output.count - left))
  }
}
