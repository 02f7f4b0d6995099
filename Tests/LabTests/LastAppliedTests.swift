import JSON
import Kubernetes
import Lab
import Testing

@Suite struct LastAppliedTests {
  static func object(_ text: String) throws -> KubernetesObject { KubernetesObject(try JSON(parsing: text)) }

  @Test func theAnnotationIsWrittenAsKubectlWritesIt() throws {
    let manifest = try Self.object(
      #"{"kind":"A","metadata":{"name":"a","namespace":"n"},"spec":{"b":[{"z":1,"a":"x<&>"}],"B":true}}"#)
    let annotated = LastApplied.annotated(manifest)
    #expect(
      annotated.annotations["kubectl.kubernetes.io/last-applied-configuration"]
        == #"{"kind":"A","metadata":{"annotations":{},"name":"a","namespace":"n"},"#
        + #""spec":{"B":true,"b":[{"a":"x\u003c\u0026\u003e","z":1}]}}"# + "\n")
    // Applied again it does not grow.
    #expect(LastApplied.annotated(annotated) == annotated)
    let other = LastApplied.annotated(try Self.object(#"{"metadata":{"annotations":{"x":"y"}}}"#))
    #expect(other.annotations["x"] == "y")
    #expect(
      other.annotations["kubectl.kubernetes.io/last-applied-configuration"]
        == #"{"metadata":{"annotations":{"x":"y"}}}"# + "\n")
  }

  struct Case: Sendable {
    var last: String?
    var wanted: String
    var patch: String
  }

  @Test(arguments: [
    Case(
      last: #"{"spec":{"a":1,"b":{"c":1,"d":2}}}"#, wanted: #"{"spec":{"b":{"d":3}}}"#,
      patch: #"{"spec":{"b":{"d":3,"c":null},"a":null}}"#),
    Case(last: #"{"spec":{"a":[{"x":1}]}}"#, wanted: #"{"spec":{"a":[{"y":1}]}}"#, patch: #"{"spec":{"a":[{"y":1}]}}"#),
    Case(last: nil, wanted: #"{"spec":{"a":1}}"#, patch: #"{"spec":{"a":1}}"#),
    Case(last: "not JSON", wanted: #"{"spec":{"a":1}}"#, patch: #"{"spec":{"a":1}}"#),
  ]) func whatTheManifestNoLongerHoldsIsRemoved(_ example: Case) throws {
    var live = try Self.object(#"{"spec":{"a":1,"set-by-others":1}}"#)
    if let last = example.last { live.annotations["kubectl.kubernetes.io/last-applied-configuration"] = last }
    #expect(
      LastApplied.patch(from: live, to: try Self.object(example.wanted)).sorted
        == (try JSON(parsing: example.patch)).sorted)
  }
}

extension JSON {
  /// With members in order, so that their order does not matter.
  fileprivate var sorted: [String] { Self.lines(self, "").sorted() }

  private static func lines(_ json: JSON, _ path: String) -> [String] {
    guard case .object(let object) = json else { return ["\(path)=\(json)"] }
    return object.members.flatMap { lines($0.value, "\(path)/\($0.key)") }
  }
}
