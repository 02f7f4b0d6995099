import JSON
import Kubernetes
import Testing

@Suite struct LabelSelectorTests {
  @Test(
    arguments: [
      ("", []),
      (" a=b ", [.in(key: "a", values: ["b"])]),
      ("a==b", [.in(key: "a", values: ["b"])]),
      ("a!=b", [.notIn(key: "a", values: ["b"])]),
      ("a", [.exists(key: "a")]),
      ("!a", [.doesNotExist(key: "a")]),
      ("a=", [.in(key: "a", values: [""])]),
      ("in in (in,notin)", [.in(key: "in", values: ["in", "notin"])]),
      ("a in (b)", [.in(key: "a", values: ["b"])]),
      ("x.io/a-b_c.D notin ( d , e )", [.notIn(key: "x.io/a-b_c.D", values: ["d", "e"])]),
      (
        "a=b,c in (d,e),!f,g!=h",
        [
          .in(key: "a", values: ["b"]), .in(key: "c", values: ["d", "e"]), .doesNotExist(key: "f"),
          .notIn(key: "g", values: ["h"]),
        ]
      ),
    ] as [(String, [LabelSelector.Requirement])])
  func parses(text: String, requirements: [LabelSelector.Requirement]) throws {
    #expect(try LabelSelector(parsing: text).requirements == Set(requirements))
  }

  @Test(arguments: [
    (",", 0), ("a,", 2), ("a=b c", 4), ("a in b", 5), ("a in (b", 7), ("a near (b)", 2), ("=b", 0), ("a=-b", 2),
    ("a=b/c", 2), ("-a", 0), ("a/b/c", 0), ("!", 1), ("a=ü", 2), ("a>b", 2), ("a<", 2), ("a>1.5", 2), ("a?1", 1),
  ])
  func refuses(text: String, offset: Int) throws {
    let error = #expect(throws: LabelSelectorError.self) { try LabelSelector(parsing: text) }
    #expect(error?.offset == offset)
  }

  @Test(arguments: [
    ("a=b", true), ("a=c", false), ("a!=c", true), ("x!=c", true), ("x", false), ("!x", true), ("a in (b,c)", true),
    ("a notin (b)", false), ("x notin (b)", true), ("x in (b)", false), ("a=b,!a", false), ("", true),
    ("n>4", true), ("n>5", false), ("n < 6", true), ("n<5", false), ("a>0", false), ("x<1", false), ("n>-6,n<6", true),
  ])
  func matches(text: String, expected: Bool) throws {
    let selector = try LabelSelector(parsing: text)
    #expect(selector.matches(["a": "b", "k": "", "n": "5"] as [String: String]) == expected)
    #expect(selector.matches(["a": "b", "k": "", "n": "5"] as JSON) == expected)
  }
}
