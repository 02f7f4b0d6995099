import Glibc
import Kubernetes
import Linux
import Synchronization
import Testing

@Suite struct EventRecorderTests {
  static let pod = ObjectReference(kind: "Pod", namespace: "shop", name: "web", uid: "u")
  static let event = #"{"apiVersion":"v1","kind":"Event","metadata":{"name":"e","namespace":"shop"}}"#
  static let notFound =
    #"{"apiVersion":"v1","kind":"Status","status":"Failure","reason":"NotFound","message":"gone","code":404}"#

  /// Waits for what the recorder's thread does; each record here leads to requests of its own.
  private func wait(_ isDone: () -> Bool) { for _ in 0..<3000 where !isDone() { usleep(10_000) } }

  @Test func theSameEventIsCountedAndOneTheServerForgotBeginsAnew() throws {
    let transport = ScriptedTransport([
      .answer(201, Self.event), .answer(200, Self.event), .answer(404, Self.notFound), .answer(201, Self.event),
      .answer(200, Self.event), .failure, .answer(201, Self.event),
    ])
    let lost = Mutex<[String]>([])
    let recorder = EventRecorder(APIClient(transport, fieldManager: "test"), component: "test") { text in
      lost.withLock { $0.append(text) }
    }
    // Created, counted, forgotten by the server and created anew, counted again, then lost and so created anew.
    for requests in [1, 2, 4, 5, 6, 7] {
      recorder.record(Self.pod, reason: "Started", message: "it runs")
      wait { transport.requests.count >= requests && (requests < 6 || !lost.withLock { $0 }.isEmpty) }
    }
    recorder.stop()
    recorder.waitUntilEnded()
    #expect(
      transport.requests.map { $0.split(separator: " ")[0] } == [
        "POST", "PATCH", "PATCH", "POST", "PATCH", "PATCH", "POST",
      ])
    #expect(transport.requests.allSatisfy { $0.contains("/api/v1/namespaces/shop/events") })
    #expect(lost.withLock { $0 }.count == 1)
    #expect(lost.withLock { $0 }.first?.hasPrefix("event Started of shop/web was not written") == true)
  }

  @Test func aReferenceNamesOnlyWhatThereIs() {
    #expect(
      Self.pod.json() == ["apiVersion": "v1", "kind": "Pod", "name": "web", "namespace": "shop", "uid": "u"])
    let node = ObjectReference(kind: "Node", namespace: "", name: "n", uid: "", fieldPath: "x")
    #expect(
      node.json(resourceVersion: "7")
        == ["apiVersion": "v1", "kind": "Node", "name": "n", "resourceVersion": "7", "fieldPath": "x"])
  }
}
