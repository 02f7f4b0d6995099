import ControlPlane
import JSON
import Testing

@Suite("Selectors")
struct SelectorTests {
  static let labels: JSON = ["app": "web", "tier": "front", "n": "5", "example.com/x": ""]

  @Test(arguments: [
    ("", true), ("app=web", true), ("app==web", true), ("app=db", false), ("app!=db", true), ("app!=web", false),
    ("other!=x", true), ("app in (web,db)", true), ("app in (db)", false), ("app notin (db)", true),
    ("app notin (web, db)", false), ("other notin (a)", true), ("app", true), ("other", false), ("!other", true),
    ("!app", false), ("n>4", true), ("n>5", false), ("n<6", true), ("app=web,tier=front", true),
    ("app=web,tier=back", false), (" app = web , tier in (front) ", true), ("example.com/x=", true),
    ("example.com/x", true), ("inn=1", false), ("notinn", false),
  ])
  func labelSelectors(_ text: String, _ matches: Bool) throws {
    #expect(try LabelSelectorText(parsing: text).matches(Self.labels) == matches)
  }

  @Test(arguments: ["app=web,", "=web", "app in web", "app in (web", "n>x", "app web", ",", "!"])
  func brokenLabelSelectors(_ text: String) {
    #expect(throws: StatusError.self) { try LabelSelectorText(parsing: text) }
  }

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
