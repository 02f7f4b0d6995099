import Glibc
import JSON
import Kubernetes
import Lab
import Linux
import Testing

@Suite struct ManifestLoaderTests {
  static func parse(_ text: String) throws -> [Manifest] {
    try ManifestLoader.parse(Array(text.utf8), file: "x.yaml")
  }

  /// A folder that is removed afterwards.
  static func inFolder(_ files: [String: String], _ body: (String) throws -> Void) throws {
    let folder = "/tmp/swt-lab-manifests-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    try Files.makeDirectories(folder)
    defer { try? Files.removeTree(folder) }
    for (name, text) in files { try Files.write("\(folder)/\(name)", text) }
    try body(folder)
  }

  @Test func documentsKeepTheirLines() throws {
    let manifests = try Self.parse(
      """
      # a comment
      apiVersion: v1
      kind: Service
      metadata: {name: a}
      ---
      ---

      apiVersion: v1
      kind: Service
      metadata: {name: b}
      """)
    #expect(manifests.map(\.object.name) == ["a", "b"])
    #expect(manifests.map(\.place) == ["x.yaml:2", "x.yaml:8"])
  }

  @Test func aListIsTakenApart() throws {
    let manifests = try Self.parse(
      """
      {"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}]}
      """)
    #expect(manifests.map(\.object.kind) == ["Namespace", "Pod"])
  }

  @Test(arguments: [
    ("kind: Pod\n  name: x", "x.yaml, line 2"),
    ("a: [1, 2\nb: 3", "x.yaml, line 2"),
    ("a: 1\n\tb: 2", "x.yaml, line 2, column 1"),
  ]) func brokenTextIsPlaced(_ text: String, place: String) {
    let error = #expect(throws: YAMLError.self) { try Self.parse(text) }
    #expect(error?.description.contains(place) == true, "\(error?.description ?? "")")
  }

  @Test func whatOthersNeedComesFirst() {
    func manifest(_ kind: String, _ name: String) -> Manifest {
      Manifest(
        object: KubernetesObject(["kind": .string(kind), "metadata": ["name": .string(name)]]), file: "f", line: 1)
    }
    let ordered = Manifest.inOrder([
      manifest("Service", "1"), manifest("CustomResourceDefinition", "2"), manifest("Pod", "3"),
      manifest("Namespace", "4"), manifest("IngressClass", "5"), manifest("Service", "6"),
    ])
    #expect(ordered.map(\.object.name) == ["4", "2", "5", "1", "3", "6"])
  }

  @Test func filesFoldersAndStandardInput() throws {
    func pod(_ name: String) -> String { "{apiVersion: v1, kind: Pod, metadata: {name: \(name)}}\n" }
    try Self.inFolder(["b.yml": pod("b"), "a.yaml": pod("a"), "c.json": "{\"kind\":\"Pod\"}", "notes.txt": "no: ["]) {
      let names = try ManifestLoader.load([$0, "\($0)/a.yaml", "-"]) { Array(pod("stdin").utf8) }.map(\.object.name)
      #expect(names == ["a", "b", "", "a", "stdin"])
    }
  }

  @Test func whatCannotBeReadIsNamed() throws {
    let missing = #expect(throws: LabError.self) { try ManifestLoader.load(["/nonexistent.yaml"]) { [] } }
    #expect(missing?.description.contains("/nonexistent.yaml: No such file") == true)
    try Self.inFolder(["a.txt": ""]) { folder in
      let empty = #expect(throws: LabError.self) { try ManifestLoader.load([folder]) { [] } }
      #expect(empty?.description.contains("holds no .yaml") == true)
    }
  }

  @Test func theExampleShopIsReadable() throws {
    // Beside the sources; a test that runs elsewhere has nothing to read.
    let here = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let manifests = try ManifestLoader.load(["/\(here)/examples/shop"]) { [] }
    let kinds = Set(manifests.map(\.object.kind))
    #expect(kinds.isSuperset(of: ["Namespace", "Deployment", "StatefulSet", "NetworkPolicy", "Ingress", "Secret"]))
    #expect(manifests.first?.object.kind == "Namespace")
    #expect(manifests.allSatisfy { $0.object.kind == "Namespace" || $0.object.namespace == "shop" })
  }
}
