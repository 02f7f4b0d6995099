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
    #expect(Timestamp("2023-11-14T23:13:20.123456+01:00")?.seconds == 1_700_000_000)
    for text in [
      "", "2026-01-01", "2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-00-01T00:00:00Z",
      "2026-01-01T00:00:00Zx", "2026-01-01T00:00:00,02:00", "2026-01-01T00:00:00+02x00", "2026-01-01T00:00:00.Z",
      "2026-01-01T00:00:00+02:60", "0000-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "2026-01-01T00:00:00",
      "2026-13-01T00:00:00Z", "2026-01-01T00:00:00Zx", "x",
    ] {
      #expect(Timestamp(text) == nil, "\(text)")
    }
  }

  /// Times come from clients: none may bring the reader down.
  @Test func timestampsEndWithTheCalendar() {
    #expect(Timestamp("9999-12-31T23:59:59Z")?.description == "9999-12-31T23:59:59Z")
    #expect(Timestamp("0000-01-01T00:00:00Z")?.description == "0000-01-01T00:00:00Z")
    #expect(Timestamp(seconds: .max, nanoseconds: .max).description == "9999-12-31T23:59:59Z")
    #expect(Timestamp(seconds: .min, nanoseconds: .min).description == "0000-01-01T00:00:00Z")
    #expect(Timestamp(seconds: 0).adding(seconds: 1e300).description == "9999-12-31T23:59:59Z")
    #expect(Timestamp(seconds: 1, nanoseconds: -1).microDescription == "1970-01-01T00:00:00.999999Z")
    #expect(Timestamp(nanoseconds: -1).nanoseconds == -1)
    #expect(Timestamp(seconds: 10).adding(seconds: -0.5).since(Timestamp(seconds: 8)) == 1.5)
  }

  @Test(arguments: [
    ("100m", 100), ("1", 1000), ("0.5", 500), ("1Ki", 1_024_000), ("128974848", 128_974_848_000), ("1e3", 1_000_000),
    ("2M", 2_000_000_000), ("1u", 1), ("-1", -1000), ("500m", 500), ("1.5Gi", 1_610_612_736_000), ("2k", 2_000_000),
    ("7E", 1_000_000_000_000_000_000), ("1e300", 1_000_000_000_000_000_000),
    ("-1e300", -1_000_000_000_000_000_000), ("9e14", 900_000_000_000_000_000), ("+.1", 100), ("1E-3", 1), ("1e-30", 1),
    ("0e99", 0),
  ])
  func quantities(text: String, thousandths: Int) { #expect(Quantity(text)?.thousandths == thousandths) }

  @Test(arguments: ["", "x", "1Q", "--1", "m", "1x", "1 Gi", "Ki1", ".", "1.2.3", "1e", "1e3Ki", "٣"])
  func noQuantities(text: String) { #expect(Quantity(text) == nil) }

  @Test func quantitiesCompareAndDivide() throws {
    #expect(Quantity("1Gi") == Quantity("1024Mi"))
    #expect(try #require(Quantity("999m")) < .one)
    #expect(Quantity(0.5 as JSON) == Quantity("500m"))
    #expect(Quantity(3 as JSON)?.divided(by: .one) == 3)
    let memory = try #require(Quantity("100Mi"))
    #expect(memory.divided(by: try #require(Quantity("1Mi"))) == 100)
    #expect(try #require(Quantity("0.1")).divided(by: try #require(Quantity("1m"))) == 100)
    #expect(try #require(Quantity("1500m")).divided(by: .one) == 2)
    #expect(memory.divided(by: try #require(Quantity("0"))) == 0)
    #expect(Quantity("1e300")?.divided(by: .one) == .max && Quantity("-1e300")?.divided(by: .one) == .min)
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
