import JSON
import Kubernetes
import Testing

@Suite struct ValueTests {
  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0), ("2000-02-29T12:34:56Z", 951_827_696), ("1969-12-31T23:59:59Z", -1),
    ("2026-11-20T23:51:18Z", 1_795_218_678), ("2100-03-01T00:00:00Z", 4_107_542_400),
  ])
  func timestampsGoBothWays(text: String, seconds: Int64) {
    #expect(Timestamp(text)?.seconds == seconds)
    #expect(Timestamp(seconds: seconds).description == text)
  }

  @Test func timestampsReadOffsetsAndFractions() throws {
    #expect(Timestamp("2026-01-01T01:00:00+01:00") == Timestamp("2026-01-01T00:00:00Z"))
    let micro = try #require(Timestamp("2026-01-01T00:00:00.000123Z"))
    #expect(micro.nanoseconds % 1_000_000_000 == 123_000)
    #expect(micro.microDescription == "2026-01-01T00:00:00.000123Z")
    for text in ["", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00Zx", "x"] {
      #expect(Timestamp(text) == nil, "\(text)")
    }
  }

  /// Nanoseconds in 64 bits reach from 1677 to 2262; certificates and manifests may name later years.
  @Test func timesBeyond64BitsAreTheLastOnes() throws {
    let late = try #require(Timestamp("9999-12-31T23:59:59Z"))
    let early = try #require(Timestamp("0001-01-01T00:00:00Z"))
    let now = Timestamp.now()
    #expect(early < now && now < late)
    #expect(late.description.hasPrefix("2262-") && early.microDescription.hasPrefix("1677-"))
    #expect(late.since(early) > 1e10 && early.since(late) < -1e10)
    #expect(now.adding(seconds: 1e300) == late && now.adding(seconds: -1e300) < now)
    #expect(late.adding(seconds: 1) == late)
  }

  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"),
  ])
  func base64OfRFC4648(text: String, encoded: String) {
    #expect(Base64.encode(Array(text.utf8)) == encoded)
    #expect(Base64.decode(encoded) == Array(text.utf8))
  }

  @Test(arguments: ["Z", "Zg", "Zg=", "Zg==Zg==", "Zm9v*", "===="])
  func noBase64(text: String) { #expect(Base64.decode(text) == nil) }

  @Test func everyByteSurvivesBase64() {
    let bytes = (0...255).map { UInt8($0) }
    #expect(Base64.decode(Base64.encode(bytes)) == bytes)
    #expect(Base64.decode(Base64.encode(bytes[1...])) == Array(bytes[1...]))
  }

  @Test func paths() {
    #expect(ResourceType.pods.path() == "/api/v1/pods")
    #expect(
      ResourceType.pods.path(namespace: "a", name: "b", subresource: "binding") == "/api/v1/namespaces/a/pods/b/binding"
    )
    #expect(ResourceType.nodes.path(namespace: "a", name: "b") == "/api/v1/nodes/b")
    #expect(ResourceType.deployments.path(namespace: "a") == "/apis/apps/v1/namespaces/a/deployments")
  }

  @Test func objectsKeepWhatTheyDoNotKnow() throws {
    var object = KubernetesObject(
      try JSON(
        parsing: """
          {"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"b","uid":"u","resourceVersion":"7",
          "generation":3,"labels":{"x":"y"},"deletionTimestamp":"2026-01-01T00:00:00Z","future":[1],"ownerReferences":
          [{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"r","uid":"o","controller":true,"blockOwnerDeletion":true}]},
          "status":{"conditions":[{"type":"Ready","status":"True"}]}}
          """))
    #expect(object.key == ObjectKey("b", "a"))
    #expect(object.controller?.uid == "o")
    #expect(object.isTerminating && object.isTrue("Ready") && !object.isTrue("Initialized"))
    object.labels["z"] = "w"
    object.ownerReferences = object.ownerReferences
    #expect(object.metadata["future"] == [1])
    #expect(object.labels == ["x": "y", "z": "w"])
    #expect(object.controller?.blocksOwnerDeletion == true)
  }
}
