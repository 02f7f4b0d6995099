import Glibc
import JSON
import Kubernetes
import Linux
import Synchronization
import Testing

/// Backup, restore and a full disk, with the command lines that people use.
@Suite("Server process", .serialized)
struct ServerProcessTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/swt-server-XXXXXX".utf8CString)
    let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer { try? Files.removeTree(folder) }
    try body(folder)
  }

  static let configMaps = "/api/v1/namespaces/default/configmaps"
  static let services = "/api/v1/namespaces/default/services"

  static func configMap(_ number: Int, size: Int = 10) -> JSON {
    [
      "metadata": ["name": .string("c-\(number)")],
      "data": ["k": .string(String(repeating: Character(UnicodeScalar(UInt8(97 + number % 26))), count: size))],
    ]
  }

  @Test func aBackupOfALiveServerIsRestoredByCommandLine() throws {
    try withFolder { folder in
      let server = ServerProcess(folder: folder + "/data", number: 0)
      try Files.makeDirectories(folder + "/data")
      try server.start()
      let service: JSON = ["metadata": ["name": "s"], "spec": ["ports": [["port": 80]], "type": "NodePort"]]
      #expect(try server.send("POST", Self.services, service).status == 201)
      func add(_ number: Int) throws {
        let (status, json) = try server.send("POST", Self.configMaps, Self.configMap(number))
        try #require(status == 201, "\(json)")
      }
      for number in 0..<50 { try add(number) }
      let fixed = try [Self.services, "/apis/networking.k8s.io/v1/ipaddresses"].map { try server.objects($0) }

      // Written to while it is copied: one client, one object after the other.
      let copies = Mutex<[ChildProcess.Result]>([])
      let isCopied = Atomic(false)
      let copier = Thread("copier") {
        for copy in 0..<3 {
          guard
            let result = try? ChildProcess.run(
              [ServerProcess.program, "server", "backup", "\(folder)/copy\(copy)", "--data-dir", "\(folder)/data"],
              timeout: 60)
          else { break }
          copies.withLock { $0.append(result) }
        }
        isCopied.store(true, ordering: .releasing)
      }
      var written = 50
      while !isCopied.load(ordering: .acquiring) {
        try add(written)
        written += 1
      }
      copier.join()
      let results = copies.withLock { $0 }
      #expect(results.count == 3)
      for result in results { #expect(result.status.isSuccess, "\(result.errorOutput)") }
      for number in written..<(written + 20) { try add(number) }
      let whole = try server.objects(Self.configMaps)
      let version = try server.send("GET", Self.configMaps).json["metadata", "resourceVersion"].string ?? ""

      let refused = try server.command("server", "restore", folder + "/copy2", "--data-dir", folder + "/data")
      #expect(!refused.status.isSuccess && refused.errorOutput.contains("in use"), "\(refused.errorOutput)")
      #expect(server.stop()?.isSuccess == true)
      let restored = try server.command("server", "restore", folder + "/copy2", "--data-dir", folder + "/data")
      #expect(restored.status.isSuccess && restored.output.contains("the earlier store is"), "\(restored.errorOutput)")
      try server.start()

      // Each object is as it was, and they are those of one moment: nothing before the last one is missing.
      let found = try server.objects(Self.configMaps)
      let numbers = found.keys.compactMap { $0.hasPrefix("c-") ? Int($0.dropFirst(2)) : nil }.sorted()
      #expect(numbers == Array(0..<numbers.count))
      #expect((50...written).contains(numbers.count))
      for (name, object) in found { #expect(object == whole[name], "\(name)") }
      #expect(try [Self.services, "/apis/networking.k8s.io/v1/ipaddresses"].map { try server.objects($0) } == fixed)
      // What was given out before the backup is not given out again, and who saw a later state is told to list.
      let second = try server.send(
        "POST", Self.services, ["metadata": ["name": "t"], "spec": ["ports": [["port": 80]], "type": "NodePort"]])
      #expect(second.status == 201)
      #expect(second.json["spec", "clusterIP"] != fixed[0]["s"]?["spec", "clusterIP"])
      #expect(
        second.json["spec", "ports"].elements[0]["nodePort"] != fixed[0]["s"]?["spec", "ports"].elements[0]["nodePort"])
      let watch = try server.send("GET", "\(Self.configMaps)?watch=1&timeoutSeconds=2&resourceVersion=\(version)")
      #expect(watch.status == 410 || watch.json["object", "code"].int == 410, "\(watch)")
      #expect(server.stop()?.isSuccess == true)
    }
  }

  @Test(.enabled(if: getuid() == 0)) func aFullDiskRefusesWritesAndLosesNone() throws {
    try withFolder { folder in
      let inside = folder + "/disk"
      try Files.makeDirectories(inside)
      // A disk of 12 MB in a mount namespace that lives as long as the process that keeps it.
      let keeper = try ChildProcess(
        [
          "unshare", "-m", "sh", "-c",
          """
          mount -t tmpfs -o size=12m swt \(inside) && mkdir \(inside)/data && head -c 3000000 /dev/zero >\(inside)/filler \
          && touch \(inside)/ready && exec sleep 600
          """,
        ])
      defer { keeper.stop(grace: 0) }
      let outside = "/proc/\(keeper.pid)/root\(inside)"
      for _ in 0..<200 where !Files.exists(outside + "/ready") { usleep(50_000) }
      try #require(Files.exists(outside + "/ready"))
      let server = ServerProcess(
        folder: outside + "/data", folderInside: inside + "/data", log: folder + "/log",
        wrapper: ["nsenter", "-t", String(keeper.pid), "-m"], number: 1)
      try server.start()

      var kept: Set<String> = []
      var refused: Set<String> = []
      func add(_ number: Int, size: Int) throws -> (status: Int, json: JSON) {
        let answer = try server.send("POST", Self.configMaps, Self.configMap(number, size: size))
        if answer.status == 201 { kept.insert("c-\(number)") } else { refused.insert("c-\(number)") }
        return answer
      }
      var number = 0
      var refusals: [(status: Int, json: JSON)] = []
      // Until it is really full: small ones too.
      for size in [200_000, 20_000, 2_000] {
        var refusalsHere = 0
        while refusalsHere < 3, number < 2000 {
          let answer = try add(number, size: size)
          number += 1
          if answer.status != 201 {
            refusals.append(answer)
            refusalsHere += 1
          }
        }
      }
      #expect(refusals.count == 9)
      for answer in refusals {
        #expect(answer.status == 500 && answer.json["reason"] == "InternalError")
        #expect(answer.json["message"].string?.contains("no space is left") == true, "\(answer.json["message"])")
      }
      #expect(server.log.contains("no space is left"))
      // Reading goes on, and shows exactly what was acknowledged.
      func names() throws -> Set<String> { Set(try server.objects(Self.configMaps).keys.filter { $0.hasPrefix("c-") }) }
      #expect(try names() == kept)
      #expect(try server.send("GET", "/readyz").status == 200)
      let copy = try server.command("server", "backup", inside + "/copy", "--data-dir", inside + "/data")
      #expect(!copy.status.isSuccess && copy.errorOutput.contains("full"), "\(copy.errorOutput)")
      #expect(!Files.exists(outside + "/copy"))

      // A start on a full disk, after a crash.
      server.kill()
      try server.start()
      #expect(try names() == kept)
      #expect(try add(number, size: 20_000).status == 500)
      number += 1

      // Room again: no restart is needed.
      try Files.remove(outside + "/filler")
      for _ in 0..<20 {
        #expect(try add(number, size: 20_000).status == 201)
        number += 1
      }
      #expect(server.log.contains("accepted again"))
      server.kill()
      try server.start()
      #expect(try names() == kept)
      #expect(kept.isDisjoint(with: refused))
      #expect(server.stop()?.isSuccess == true)
    }
  }
}
