import ControlPlane
import JSON
import Testing

@Suite("Patches")
struct PatchTests {
  static let schema = Schema()

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let target: String
    let patch: String
    /// Nil: refused.
    let result: String?
    var testDescription: String { name }
  }

  /// RFC 7396 appendix A.
  static let merge: [Case] = [
    Case(name: "replace", target: #"{"a":"b"}"#, patch: #"{"a":"c"}"#, result: #"{"a":"c"}"#),
    Case(name: "add", target: #"{"a":"b"}"#, patch: #"{"b":"c"}"#, result: #"{"a":"b","b":"c"}"#),
    Case(name: "remove", target: #"{"a":"b"}"#, patch: #"{"a":null}"#, result: "{}"),
    Case(name: "remove one of two", target: #"{"a":"b","b":"c"}"#, patch: #"{"a":null}"#, result: #"{"b":"c"}"#),
    Case(name: "list to string", target: #"{"a":["b"]}"#, patch: #"{"a":"c"}"#, result: #"{"a":"c"}"#),
    Case(name: "string to list", target: #"{"a":"c"}"#, patch: #"{"a":["b"]}"#, result: #"{"a":["b"]}"#),
    Case(
      name: "nested", target: #"{"a":{"b":"c"}}"#, patch: #"{"a":{"b":"d","c":null}}"#, result: #"{"a":{"b":"d"}}"#),
    Case(name: "lists are replaced", target: #"{"a":[{"b":"c"}]}"#, patch: #"{"a":[1]}"#, result: #"{"a":[1]}"#),
    Case(name: "whole list", target: #"["a","b"]"#, patch: #"["c","d"]"#, result: #"["c","d"]"#),
    Case(name: "object for list", target: #"["a"]"#, patch: #"{"a":1}"#, result: #"{"a":1}"#),
    Case(name: "null", target: #"{"a":"foo"}"#, patch: "null", result: "null"),
    Case(name: "null inside", target: "{}", patch: #"{"a":{"bb":{"ccc":null}}}"#, result: #"{"a":{"bb":{}}}"#),
  ]

  @Test(arguments: merge)
  func mergePatch(_ test: Case) throws {
    #expect(
      MergePatch.apply(try JSON(parsing: test.patch), to: try JSON(parsing: test.target)).description == test.result)
  }

  /// RFC 6902 appendix A and RFC 6901.
  static let json: [Case] = [
    Case(
      name: "A.1 add member", target: #"{"foo":"bar"}"#, patch: #"[{"op":"add","path":"/baz","value":"qux"}]"#,
      result: #"{"foo":"bar","baz":"qux"}"#),
    Case(
      name: "A.2 add element", target: #"{"foo":["bar","baz"]}"#,
      patch: #"[{"op":"add","path":"/foo/1","value":"qux"}]"#, result: #"{"foo":["bar","qux","baz"]}"#),
    Case(
      name: "A.3 remove member", target: #"{"baz":"qux","foo":"bar"}"#, patch: #"[{"op":"remove","path":"/baz"}]"#,
      result: #"{"foo":"bar"}"#),
    Case(
      name: "A.4 remove element", target: #"{"foo":["bar","qux","baz"]}"#, patch: #"[{"op":"remove","path":"/foo/1"}]"#,
      result: #"{"foo":["bar","baz"]}"#),
    Case(
      name: "A.5 replace", target: #"{"baz":"qux","foo":"bar"}"#,
      patch: #"[{"op":"replace","path":"/baz","value":"boo"}]"#, result: #"{"baz":"boo","foo":"bar"}"#),
    Case(
      name: "A.6 move", target: #"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
      patch: #"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
      result: #"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#),
    Case(
      name: "A.7 move element", target: #"{"foo":["all","grass","cows","eat"]}"#,
      patch: #"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#, result: #"{"foo":["all","cows","eat","grass"]}"#),
    Case(
      name: "A.8 test", target: #"{"baz":"qux","foo":["a",2,"c"]}"#,
      patch: #"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]"#,
      result: #"{"baz":"qux","foo":["a",2,"c"]}"#),
    Case(
      name: "A.9 failing test", target: #"{"baz":"qux"}"#, patch: #"[{"op":"test","path":"/baz","value":"bar"}]"#,
      result: nil),
    Case(
      name: "A.10 nested", target: #"{"foo":"bar"}"#,
      patch: #"[{"op":"add","path":"/child","value":{"grandchild":{}}}]"#,
      result: #"{"foo":"bar","child":{"grandchild":{}}}"#),
    Case(
      name: "A.12 no parent", target: #"{"foo":"bar"}"#, patch: #"[{"op":"add","path":"/baz/bat","value":"qux"}]"#,
      result: nil),
    Case(
      name: "A.14 escapes", target: #"{"/":9,"~1":10}"#, patch: #"[{"op":"test","path":"/~01","value":10}]"#,
      result: #"{"/":9,"~1":10}"#),
    Case(
      name: "A.16 append", target: #"{"foo":["bar"]}"#, patch: #"[{"op":"add","path":"/foo/-","value":["abc"]}]"#,
      result: #"{"foo":["bar",["abc"]]}"#),
    Case(
      name: "label with slash", target: #"{"m":{"a/b":"1"}}"#, patch: #"[{"op":"remove","path":"/m/a~1b"}]"#,
      result: #"{"m":{}}"#),
    Case(name: "remove nothing", target: "{}", patch: #"[{"op":"remove","path":"/a"}]"#, result: nil),
    Case(name: "replace nothing", target: "{}", patch: #"[{"op":"replace","path":"/a","value":1}]"#, result: nil),
    Case(name: "beyond the end", target: "[1]", patch: #"[{"op":"add","path":"/2","value":1}]"#, result: nil),
    Case(
      name: "copy", target: #"{"a":{"b":1}}"#, patch: #"[{"op":"copy","from":"/a","path":"/c"}]"#,
      result: #"{"a":{"b":1},"c":{"b":1}}"#),
    Case(name: "unknown operation", target: "{}", patch: #"[{"op":"frob","path":"/a"}]"#, result: nil),
    Case(name: "no list", target: "{}", patch: "{}", result: nil),
  ]

  @Test(arguments: json)
  func jsonPatch(_ test: Case) throws {
    let result = try? JSONPatch(try JSON(parsing: test.patch)).apply(to: try JSON(parsing: test.target))
    #expect(result?.description == test.result)
  }

  /// Of pod specifications.
  static let strategic: [Case] = [
    Case(
      name: "containers by name", target: #"{"containers":[{"name":"a","image":"1"},{"name":"b","image":"1"}]}"#,
      patch: #"{"containers":[{"name":"b","image":"2"}]}"#,
      result: #"{"containers":[{"name":"a","image":"1"},{"name":"b","image":"2"}]}"#),
    Case(
      name: "delete by name", target: #"{"containers":[{"name":"a"},{"name":"b"}]}"#,
      patch: #"{"containers":[{"$patch":"delete","name":"a"}]}"#, result: #"{"containers":[{"name":"b"}]}"#),
    Case(
      name: "order as asked", target: #"{"containers":[{"name":"a"},{"name":"b"}]}"#,
      patch: #"{"$setElementOrder/containers":[{"name":"b"},{"name":"c"},{"name":"a"}],"containers":[{"name":"c"}]}"#,
      result: #"{"containers":[{"name":"b"},{"name":"c"},{"name":"a"}]}"#),
    Case(
      name: "the server's own keep their place",
      target: #"{"containers":[{"name":"a"},{"name":"sidecar"},{"name":"b"}]}"#,
      patch: #"{"$setElementOrder/containers":[{"name":"a"},{"name":"b"}]}"#,
      result: #"{"containers":[{"name":"a"},{"name":"sidecar"},{"name":"b"}]}"#),
    Case(
      name: "environment inside", target: #"{"containers":[{"name":"a","env":[{"name":"X","value":"1"}]}]}"#,
      patch: #"{"containers":[{"name":"a","env":[{"name":"Y","value":"2"}]}]}"#,
      result: #"{"containers":[{"name":"a","env":[{"name":"X","value":"1"},{"name":"Y","value":"2"}]}]}"#),
    Case(
      name: "atomic list", target: #"{"tolerations":[{"key":"a"}]}"#, patch: #"{"tolerations":[{"key":"b"}]}"#,
      result: #"{"tolerations":[{"key":"b"}]}"#),
    Case(
      name: "replace a list", target: #"{"containers":[{"name":"a"},{"name":"b"}]}"#,
      patch: #"{"containers":[{"$patch":"replace"},{"name":"c"}]}"#, result: #"{"containers":[{"name":"c"}]}"#),
    Case(
      name: "replace an object", target: #"{"securityContext":{"runAsUser":1,"runAsGroup":2}}"#,
      patch: #"{"securityContext":{"$patch":"replace","runAsUser":3}}"#, result: #"{"securityContext":{"runAsUser":3}}"#
    ),
    Case(
      name: "retain keys of volumes", target: #"{"volumes":[{"name":"v","emptyDir":{}}]}"#,
      patch: #"{"volumes":[{"$retainKeys":["name","configMap"],"name":"v","configMap":{"name":"c"}}]}"#,
      result: #"{"volumes":[{"name":"v","configMap":{"name":"c"}}]}"#),
    Case(
      name: "null removes", target: #"{"nodeName":"n","hostname":"h"}"#, patch: #"{"nodeName":null}"#,
      result: #"{"hostname":"h"}"#),
    Case(name: "no merge key", target: "{}", patch: #"{"containers":[{"image":"x"}]}"#, result: nil),
    Case(name: "unknown directive", target: "{}", patch: #"{"$patch":"frob"}"#, result: nil),
  ]

  @Test(arguments: strategic)
  func strategicMergePatch(_ test: Case) throws {
    let patch = StrategicMergePatch(schema: Self.schema)
    let result = try? patch.apply(
      try JSON(parsing: test.patch), to: try JSON(parsing: test.target), message: "PodSpec")
    #expect(result?.description == test.result)
  }

  @Test func finalizersAreMergedAsASet() throws {
    let patch = StrategicMergePatch(schema: Self.schema)
    let target: JSON = ["metadata": ["finalizers": ["a", "b"]]]
    let added = try patch.apply(["metadata": ["finalizers": ["b", "c"]]], to: target, message: "Pod")
    #expect(added["metadata", "finalizers"] == ["a", "b", "c"])
    let removed = try patch.apply(
      ["metadata": ["$deleteFromPrimitiveList/finalizers": ["a"]]], to: target, message: "Pod")
    #expect(removed["metadata", "finalizers"] == ["b"])
  }

  /// Two ports of one number share the key of the list: deleting one deletes both, in the real server too.
  @Test func servicePortsAreMergedByNumberAlone() throws {
    let patch = StrategicMergePatch(schema: Self.schema)
    let target: JSON = ["ports": [["port": 80, "protocol": "TCP"], ["port": 80, "protocol": "UDP"], ["port": 81]]]
    let result = try patch.apply(["ports": [["$patch": "delete", "port": 80]]], to: target, message: "ServiceSpec")
    #expect(result["ports"] == [["port": 81]])
  }
}
