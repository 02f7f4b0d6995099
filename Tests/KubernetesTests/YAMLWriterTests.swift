import JSON
import Kubernetes
import Testing

@Suite struct YAMLWriterTests {
  static let values: [JSON] = [
    ["a": 1, "b": [1, 2], "c": ["d": [:], "e": []], "f": [["g": 1, "h": [["i": "j"]]], ["k": "l"]]],
    .array([[1, [2, 3]], ["a": ["b": 1]], [:], []]), "text", 1, true, .null, [:], [],
    [
      "on": "off", "n": "no", "null": "null", "1": "1", "1.5": "1.5", "0x1F": "0x1F", "1_000": "1_000", "": "",
      "~": "~", "-": "-", "- a": "- a", "a: b": "a: b", "a:": "a:", "#": "a #b", "*": "*a", "&": "&a", "!": "!a",
      "?": "? a", "@": "@a", "%": "%a", "'": "'a'", "\"": "\"a\"", "{": "{a}", "[": "[a]", ",": "a, b", "|": "|",
      ">": ">", " ": " a", "a ": "a ", "t": "a\tb", "é": "é", "::1": "::1", "fd00::/64": "fd00::/64", "---": "---",
      "...": "...", "=": "=", "<<": "<<", "y": "y", "2026-01-01": "2026-01-01", "12:30:45": "12:30:45", ".5": ".5",
      "e": "1e3", "$(A)": "--x=$(A)", ".": ".", "./a": "./a", "_": "_", "\u{7f}": "\u{2028}",
    ],
    [
      "one": "a\nb\n", "two": "a\n\n  b\nc\n", "three": "a\nb", "four": "\na\n", "five": " a\nb\n", "six": "a \nb\n",
      "seven": "a\nb\n\n", "eight": "\n", "nine": "a\r\nb\r\n", "ten": "a\n", "list": ["a\nb: c\n", "- d\n# e\n"],
    ],
  ]

  @Test(arguments: values) func readsBackTheSame(value: JSON) throws {
    let text = YAMLWriter.text(value)
    let documents = try YAML.parse(text, file: "written").map(\.value)
    // A document that is null, or nothing, is no document.
    #expect(documents == (value.isNull ? [] : [value]), "\(text)")
  }

  @Test func looksAsPeopleWriteIt() {
    let value: JSON = [
      "kind": "Role", "metadata": ["name": "a-b", "labels": ["a.b/c": "1"]],
      "rules": [["apiGroups": [""], "verbs": ["get", "list"]], ["verbs": ["*"]]], "data": ["x": "a: 1\nb:\n- c\n"],
    ]
    #expect(
      YAMLWriter.text([value, ["a": true]]) == """
        kind: Role
        metadata:
          name: a-b
          labels:
            a.b/c: "1"
        rules:
        - apiGroups:
          - ""
          verbs:
          - get
          - list
        - verbs:
          - "*"
        data:
          x: |
            a: 1
            b:
            - c
        ---
        a: true

        """)
  }
}
