import ControlPlane
import JSON
import Testing

@Suite("Selectors")
struct SelectorTests {
  @Test(arguments: [
    ("metadata.name=a", true), ("metadata.name=b", false), ("metadata.name!=b", true), ("spec.nodeName=n1", true),
    ("spec.nodeName=", false), ("status.phase=Running,spec.nodeName==n1", true), ("status.phase!=Running", false),
    ("spec.restartPolicy=Always", true), ("status.podIP=10.0.0.1", true), ("", true),
  ])
  func fieldSelectorsOfPods(_ text: String, _ matches: Bool) throws {
    let pod: JSON = [
      "metadata": ["name": "a"], "spec": ["nodeName": "n1", "restartPolicy": "Always"],
      "status": ["phase": "Running", "podIP": "10.0.0.1"],
    ]
    let kind = try #require(ResourceKinds().find("v1", plural: "pods"))
    #expect(try FieldSelector(parsing: text, kind: kind).matches(pod) == matches)
  }

  @Test func unknownFieldsAreRefused() throws {
    let kind = try #require(ResourceKinds().find("v1", plural: "pods"))
    #expect(throws: StatusError.self) { try FieldSelector(parsing: "spec.foo=1", kind: kind) }
    #expect(throws: StatusError.self) { try FieldSelector(parsing: "metadata.name", kind: kind) }
  }
}
