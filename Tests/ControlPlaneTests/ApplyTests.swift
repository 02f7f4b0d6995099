import ControlPlane
import JSON
import Testing

@Suite("Server-side apply")
struct ApplyTests {
  let api: APIFixture

  init() throws { api = try APIFixture() }

  private func apply(_ manager: String, _ data: JSON, force: Bool = false, name: String = "c") throws -> (
    status: Int, json: JSON
  ) {
    let body: JSON = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string(name)], "data": data]
    return try api.send(
      "PATCH", "\(APIFixture.configMaps)/\(name)?fieldManager=\(manager)&force=\(force)", body,
      type: "application/apply-patch+yaml")
  }

  @Test func createsThenKeepsThenRemovesOnlyItsOwn() throws {
    #expect(try apply("one", ["a": "1", "b": "1"]).status == 201)
    #expect(try apply("two", ["c": "2"]).status == 200)
    let result = try apply("one", ["a": "1"]).json
    #expect(result["data"] == ["a": "1", "c": "2"])
    #expect(try apply("one", ["a": "1"]).json["metadata", "resourceVersion"] == result["metadata", "resourceVersion"])
  }

  @Test func changingWhatAnotherHoldsConflicts() throws {
    _ = try apply("one", ["a": "1"])
    let (status, refused) = try apply("two", ["a": "2"])
    #expect(status == 409)
    #expect(refused["message"] == "Apply failed with 1 conflict: conflict with \"one\" using v1: .data.a")
    #expect(refused["details", "causes"][0]["reason"] == "FieldManagerConflict")
    #expect(try apply("two", ["a": "2"], force: true).json["data", "a"] == "2")
    // Now the first holds nothing of it and may not take it away.
    #expect(try apply("one", [:]).json["data", "a"] == "2")
  }

  @Test func agreeingSharesAField() throws {
    _ = try apply("one", ["a": "1"])
    #expect(try apply("two", ["a": "1"]).status == 200)
    #expect(try apply("one", [:]).json["data", "a"] == "1")
    #expect(try apply("two", [:]).json["data"].isNull)
  }

  @Test func anUpdateTakesOver() throws {
    _ = try apply("one", ["a": "1"])
    try api.send(
      "PATCH", "\(APIFixture.configMaps)/c?fieldManager=edit", ["data": ["a": "9"]],
      type: "application/merge-patch+json")
    #expect(
      try apply("one", ["a": "1"]).json["message"]
        == "Apply failed with 1 conflict: conflict with \"edit\" using v1: .data.a")
  }

  @Test func listsThatAreMapsAreSharedByKey() throws {
    func apply(_ manager: String, _ ports: JSON) throws -> JSON {
      let body: JSON = [
        "apiVersion": "v1", "kind": "Service", "metadata": ["name": "s"], "spec": ["ports": ports],
      ]
      return try api.send(
        "PATCH", "\(APIFixture.services)/s?fieldManager=\(manager)", body, type: "application/apply-patch+yaml"
      ).json
    }
    _ = try apply("one", [["port": 53, "name": "t"]])
    let both = try apply("two", [["port": 53, "protocol": "UDP", "name": "u"]])
    #expect(both["spec", "ports"].elements.count == 2)
    let one = try apply("two", [])
    #expect(one["spec", "ports"].elements.compactMap { $0["name"].string } == ["t"])
  }
}
