import JSON
import Testing

@Suite struct JSONParserTests {
  /// Numbers that are written as integers read back as the same value.
  @Test(arguments: ["1e16", "-9223372036854775809", "9223372036854775808", "1e300", "-0.0", "123456789012345678901"])
  func largeNumbersReadBack(text: String) throws {
    let value = try JSON(parsing: text)
    #expect(try JSON(parsing: value.bytes()) == value)
  }

  @Test(arguments: [
    "null", "true", "false", "0", "-1", "9223372036854775807", "-9223372036854775808", "1.5", "-0.25", "\"\"", "\"a\"",
    "[]", "{}", "[1,[2,[3]]]", #"{"b":1,"a":2}"#, #"{"a":{"b":[null,true,"x"]}}"#, #""\"\\\n\r\t\u0001""#, "\"é€😀\"",
  ])
  func compactTextComesBack(text: String) throws {
    #expect(try JSON(parsing: text).description == text)
  }

  @Test(arguments: [
    (" [ 1 , 2 ] ", "[1,2]"), (#""\u00e9\/\b\f""#, "\"é/\\u0008\\u000c\""), (#""\ud83d\ude00""#, "\"😀\""),
    (#""\ud83d""#, "\"\u{FFFD}\""), (#""\ud83dx""#, "\"\u{FFFD}x\""), ("1e3", "1000"), ("1E-2", "0.01"),
    ("10000000000000000000", "1e+19"), ("1.0", "1"),
  ])
  func otherFormsAreRead(text: String, compact: String) throws {
    #expect(try JSON(parsing: text).description == compact)
  }

  @Test(arguments: [
    ("", 0), ("nul", 0), ("[1", 2), ("[1,]", 3), (#"{"a" 1}"#, 5), (#"{"a":1,}"#, 7), ("{a:1}", 1), ("01", 1), ("-", 1),
    ("1.", 2), ("1e", 2), ("\"a", 0), ("\"\\x\"", 2), ("\"\u{1}\"", 1), ("1 2", 2), ("[1 2]", 3), (#""\u12g4""#, 5),
    ("1e999", 0), ("+1", 0), ("NaN", 0),
  ])
  func wrongTextSaysWhere(text: String, offset: Int) {
    let error = #expect(throws: JSONError.self) { try JSON(parsing: text) }
    #expect(error?.offset == offset, "\(error?.description ?? "")")
  }

  @Test func namesLineAndColumn() {
    let error = #expect(throws: JSONError.self) { try JSON(parsing: "{\n  \"a\": 1,\n  \"b\": x\n}") }
    #expect(error?.line == 3)
    #expect(error?.column == 8)
  }

  @Test func refusesInvalidUTF8AndDepth() {
    #expect(throws: JSONError.self) { try JSON(parsing: [0x22, 0xC3, 0x28, 0x22]) }
    #expect(throws: JSONError.self) { try JSON(parsing: [0x22, 0xED, 0xA0, 0x80, 0x22]) }
    #expect(throws: JSONError.self) { try JSON(parsing: [UInt8](repeating: UInt8(ascii: "["), count: 100_000)) }
  }

  @Test func lastOfTwoEqualKeysCounts() throws {
    let json = try JSON(parsing: #"{"a":1,"a":2}"#)
    #expect(json["a"] == 2)
  }

  /// Whatever the parser accepts it writes in a form it reads back to the same value; it never crashes.
  @Test func mutatedTextNeverCrashes() throws {
    let seed = Array(#"{"metadata":{"name":"a\u00e9","n":[1,-2.5e3,true,null,{"x":"y"}]}}"#.utf8)
    for _ in 0..<20_000 {
      var bytes = seed
      for _ in 0..<Int.random(in: 1...4) { bytes[Int.random(in: bytes.indices)] = UInt8.random(in: 0...255) }
      guard let value = try? JSON(parsing: bytes) else { continue }
      #expect(try JSON(parsing: value.bytes()) == value)
    }
  }
}

@Suite struct JSONValueTests {
  @Test func readsPaths() {
    let json: JSON = ["metadata": ["labels": ["app": "web"]], "ports": [1, 2]]
    #expect(json["metadata", "labels", "app"].string == "web")
    #expect(json["metadata"]["nothing"]["deeper"].isNull)
    #expect(json["ports"][1].int == 2)
    #expect(json["ports"][7].isNull)
    #expect(json["metadata", "labels"].stringMap == ["app": "web"])
  }

  @Test func writesPaths() {
    var json: JSON = [:]
    json["metadata", "labels", "app"] = "web"
    json["metadata", "name"] = "x"
    #expect(json.description == #"{"metadata":{"labels":{"app":"web"},"name":"x"}}"#)
    json["metadata", "labels"] = nil
    #expect(json.description == #"{"metadata":{"name":"x"}}"#)
    json["spec"] = [1, 2]
    json["spec"][0] = "first"
    #expect(json["spec"].description == #"["first",2]"#)
  }

  @Test func objectsAreEqualInAnyOrder() throws {
    let left = try JSON(parsing: #"{"a":1,"b":[{"c":2,"d":3}]}"#)
    let right = try JSON(parsing: #"{"b":[{"d":3,"c":2}],"a":1}"#)
    #expect(left == right)
    #expect(left.hashValue == right.hashValue)
    #expect(left != ["a": 1])
  }

  @Test func prettyTextReadsBack() throws {
    let json = try JSON(parsing: #"{"a":[],"b":{},"c":[1,{"d":null}]}"#)
    #expect(try JSON(parsing: json.prettyDescription()) == json)
    #expect(json.prettyDescription().contains("\n  \"a\": [],\n"))
  }
}
