import JSON
import Kubernetes
import Testing

@Suite struct YAMLTests {
  @Test(arguments: [
    ("a: 1", #"{"a":1}"#), ("a: '1'", #"{"a":"1"}"#), ("a: \"yes\"", #"{"a":"yes"}"#), ("a: yes", #"{"a":true}"#),
    ("a: off", #"{"a":false}"#), ("a: True", #"{"a":true}"#), ("a: tRUE", #"{"a":"tRUE"}"#), ("a:", #"{"a":null}"#),
    ("a: ~", #"{"a":null}"#), ("a: 0644", #"{"a":420}"#), ("a: 0o17", #"{"a":15}"#), ("a: 0x1F", #"{"a":31}"#),
    ("a: -0b11", #"{"a":-3}"#), ("a: 1_000", #"{"a":1000}"#), ("a: +7", #"{"a":7}"#), ("a: 1.5", #"{"a":1.5}"#),
    ("a: 1e3", #"{"a":1000}"#), ("a: 1.", #"{"a":1}"#), ("a: .5", #"{"a":0.5}"#), ("a: 1.2.3", #"{"a":"1.2.3"}"#),
    ("a: 089", #"{"a":89}"#), ("a: 10.0.0.1", #"{"a":"10.0.0.1"}"#), ("a: 12:30", #"{"a":"12:30"}"#),
    ("a: 2026-01-31", #"{"a":"2026-01-31"}"#), ("a: 100m", #"{"a":"100m"}"#), ("a:\n-", #"{"a":[null]}"#),
    ("a: 18446744073709551615", #"{"a":1.8446744073709552e+19}"#), ("a: !!str 5", #"{"a":"5"}"#),
    ("a: !!int \"5\"", #"{"a":5}"#), ("on: x", #"{"true":"x"}"#), ("80: x", #"{"80":"x"}"#),
    ("a: |\n  x\n  y\n", #"{"a":"x\ny\n"}"#), ("a: >-\n  x\n  y\n", #"{"a":"x y"}"#),
    ("[1, {b: c}]", #"[1,{"b":"c"}]"#),
    ("x: &k {a: 1, b: 2}\nz: {<<: *k, b: 3}", #"{"x":{"a":1,"b":2},"z":{"b":3,"a":1}}"#),
    ("p: &p [1]\nq: *p", #"{"p":[1],"q":[1]}"#), ("a: 1\na: 2", #"{"a":2}"#),
    ("x: {<<: [{a: 1}, {a: 2, b: 3}]}", #"{"x":{"a":1,"b":3}}"#), ("{\"a\":\t1}", #"{"a":1}"#),
  ])
  func becomesJSON(text: String, json: String) throws {
    let documents = try YAML.parse(text, file: "test.yaml")
    #expect(documents.count == 1)
    // As text: 1000 from 1e3 is a float that JSON writes like an integer.
    #expect(documents[0].value.description == json)
  }

  @Test func streamKeepsTheLinesOfItsDocuments() throws {
    let text = "# head\n---\na: 1\n---\n---\n# only a comment\n---\nb: 2\n...\n"
    let documents = try YAML.parse(text, file: "x")
    #expect(documents.map(\.line) == [3, 8])
    #expect(documents.map(\.value) == [["a": 1], ["b": 2]])
    #expect(try YAML.parse("", file: "x").isEmpty)
  }

  @Test(arguments: [
    ("a: b: c", 1, 5), ("a:\n  - b\n c: d", 3, 2), ("a: [1, 2", 2, 1), ("a: \"x", 1, 6), ("a: *nowhere", 1, 4),
    ("? [a]\n: b", 1, 3), ("a: .inf", 1, 4), ("a: !!int x", 1, 4), ("a:\n\t- b", 2, 1), ("a: {<<: 5}", 1, 9),
  ])
  func brokenTextNamesThePlace(text: String, line: Int, column: Int) {
    do {
      let documents = try YAML.parse(text, file: "bad.yaml")
      Issue.record("no error, but \(documents)")
    } catch {
      #expect(error.file == "bad.yaml")
      #expect(error.line == line, "\(error)")
      #expect(error.column == column, "\(error)")
    }
  }

  @Test func aliasBombIsRefused() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
      text += "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ") + "]\n"
    }
    #expect(throws: YAMLError.self) { try YAML.parse(text, file: "bomb") }
  }

  @Test func depthIsBounded() {
    let text = String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000)
    #expect(throws: YAMLError.self) { try YAML.parse(text, file: "deep") }
  }

  /// Anchors within anchors: each text is shallow, the values would not be.
  @Test func aliasesDoNotNestDeeperThanTextsMay() throws {
    func chain(_ links: Int) -> String {
      var text = "a0: &a0 [x]\n"
      for link in 1...links {
        text += "a\(link): &a\(link) "
        text += String(repeating: "[", count: 100) + "*a\(link - 1)" + String(repeating: "]", count: 100) + "\n"
      }
      return text
    }
    #expect(try YAML.parse(chain(4), file: "shallow").count == 1)
    #expect(throws: YAMLError.self) { try YAML.parse(chain(6), file: "deep") }
  }

  /// A number is the same value however it was written, so that what was applied equals what the API gives back.
  @Test(arguments: ["1E3", "1000.0", "1000", "!!float 1000", "0x3E8"])
  func numbersAreThoseOfJSON(text: String) throws {
    #expect(try YAML.parse("a: \(text)", file: "x").first?.value == ["a": 1000])
  }

  @Test func bytesThatAreNoTextAreRefused() {
    #expect(throws: YAMLError.self) { try YAML.parse([0x61, 0x3A, 0x20, 0xFF, 0xFE, 0x00, 0x0A], file: "x") }
  }
}
