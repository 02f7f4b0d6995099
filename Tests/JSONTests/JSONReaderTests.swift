import JSON
import Testing

@Suite struct JSONReaderTests {
  private func read<Result>(_ text: String, _ body: (inout JSONReader) throws(JSONError) -> Result) throws -> Result {
    try JSONReader.read(Array(text.utf8), body)
  }

  @Test func takesWhatIsAskedForAndSkipsTheRest() throws {
    var name: String?
    var labels: [String: String] = [:]
    var ports: [Int] = []
    var isReady: Bool?
    try read(
      #"""
      { "skipped": [1, {"name": "no"}, "]}"], "m\u0065ta": {"name":"p\n", "labels": {"a":"1","n":5,"b":"ü"}},
        "ports" : [ {"port": 80}, {"port": "http"}, {"other": 1}, 7 ], "ready": true, "last": null }
      """#
    ) { reader throws(JSONError) in
      try reader.members { reader, key throws(JSONError) in
        if key == "meta" {
          try reader.members { reader, key throws(JSONError) in
            if key == "name" { name = try reader.string() }
            if key == "labels" { labels = try reader.stringMap() }
          }
        } else if key == "ports" {
          try reader.elements { reader throws(JSONError) in
            try reader.members { reader, key throws(JSONError) in
              if key == "port", let port = try reader.int() { ports.append(port) }
            }
          }
        } else if key == "ready" {
          isReady = try reader.bool()
        }
      }
    }
    #expect(name == "p\n" && labels == ["a": "1", "b": "ü"] && ports == [80] && isReady == true)
  }

  /// A value of another kind than the one asked for is nothing, and what follows is read all the same.
  @Test(arguments: ["1", "\"x\"", "true", "null", "[1,2]", #"{"a":{"b":[]}}"#])
  func otherKindsAreSkipped(value: String) throws {
    var last: String?
    try read("[\(value), \"last\"]") { reader throws(JSONError) in
      var index = 0
      try reader.elements { reader throws(JSONError) in
        if index == 0 {
          switch try reader.peek() {
          case .number: _ = try reader.string()
          case .string: _ = try reader.int()
          case .bool: try reader.members { _, _ in }
          case .null: try reader.elements { _ in }
          case .array: _ = try reader.bool()
          case .object: _ = try reader.stringMap()["a"]
          }
        } else {
          last = try reader.string()
        }
        index += 1
      }
    }
    #expect(last == "last")
  }

  @Test func rawTextIsTheValueAsItWas() throws {
    let found = try read(#" { "a" : [ 1 , {"b":"\u00e9"} ] } "#) { reader throws(JSONError) in
      var found = ""
      try reader.members { reader, _ throws(JSONError) in found = String(decoding: try reader.raw(), as: UTF8.self) }
      return found
    }
    #expect(found == #"[ 1 , {"b":"\u00e9"} ]"#)
  }

  @Test(arguments: [
    "", "{", "[1", "[1,]", #"{"a" 1}"#, #"{"a":1,}"#, "{a:1}", "01", "\"a", "\"\\x\"", "1 2", "[1 2]", "nul",
    "[\"\u{1}\"]",
  ])
  func whatIsSkippedIsCheckedAllTheSame(text: String) {
    #expect(throws: JSONError.self) { try read(text) { reader throws(JSONError) in try reader.skip() } }
    #expect(throws: JSONError.self) { try read("[\(text)") { reader throws(JSONError) in try reader.skip() } }
  }

  @Test func invalidUTF8AndDepthAreRefusedWhereTheyAreSkipped() {
    let bytes: [[UInt8]] = [
      [0x22, 0xC3, 0x28, 0x22], Array(repeating: UInt8(ascii: "["), count: 100_000),
      Array((String(repeating: "[", count: 512) + "1" + String(repeating: "]", count: 512)).utf8),
    ]
    for text in bytes {
      #expect(throws: JSONError.self) { try JSONReader.read(text) { reader throws(JSONError) in try reader.skip() } }
    }
    let deepest = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
    #expect((try? read(deepest) { reader throws(JSONError) in try reader.skip() }) != nil)
  }
}
