import JSON
import Kubernetes
import Synchronization
import Testing

@Suite struct ObjectCacheTests {
  @Test func managedFieldsAreNotKept() throws {
    let cache = ObjectCache(.configMaps)
    let seen = Mutex<[KubernetesObject?]>([])
    cache.observe { _, new in seen.withLock { $0.append(new) } }
    let text = """
      {"metadata":{"name":"a","namespace":"n","resourceVersion":"1","managedFields":[{"manager":"m"}],"uid":"u"},
       "data":{"managedFields":"stays"}}
      """
    cache.apply(.added, KubernetesObject(try JSON(parsing: text)))
    let kept = try #require(cache.get("n", "a"))
    #expect(kept.json["metadata"] == ["name": "a", "namespace": "n", "resourceVersion": "1", "uid": "u"])
    #expect(kept.json["data"] == ["managedFields": "stays"])
    #expect(seen.withLock { $0 } == [kept])
  }
}
