import Addressing
import ControlPlane
import Glibc
import JSON
import Kubernetes
import Linux
import Synchronization
import Testing

/// No address and no port is ever with two Services, whoever creates and deletes at once and whenever the process dies.
@Suite(.serialized) struct AllocationPropertyTests {
  /// What the test believes is in use. An entry is made after a creation was answered and removed before a deletion is
  /// sent, so that two holders of one thing can only be the allocator's fault.
  private struct Ledger {
    var holders: [String: String] = [:]
    var faults: [String] = []
    var allocations = 0
    var refusals = 0

    mutating func add(_ things: [String], _ name: String) {
      for thing in things {
        if let other = holders.updateValue(name, forKey: thing) { faults.append("\(thing): \(other) and \(name)") }
      }
      allocations += 1
    }
  }

  private static func things(_ service: JSON) -> [String] {
    let spec = service["spec"]
    let ports = Set(spec["ports"].elements.compactMap { $0["nodePort"].int } + [spec["healthCheckNodePort"].int ?? 0])
    return spec["clusterIPs"].elements.compactMap(\.string).filter { $0 != "None" }
      + ports.filter { $0 != 0 }.map { "port \($0)" }
  }

  private static func wish(_ name: String) -> JSON {
    var spec: JSON = ["ports": [["name": "t", "port": 53], ["name": "u", "port": 53, "protocol": "UDP"]]]
    switch Int.random(in: 0..<4) {
    case 0: spec["type"] = "NodePort"
    case 1:
      spec["type"] = "LoadBalancer"
      spec["externalTrafficPolicy"] = "Local"
    case 2: spec["clusterIP"] = .string("10.96.0.\(Int.random(in: 0...63))")
    default: break
    }
    if spec["clusterIP"].isNull, Bool.random() { spec["ipFamilyPolicy"] = "PreferDualStack" }
    return ["metadata": ["name": .string(name)], "spec": spec]
  }

  @Test func neverTwiceUnderConcurrency() throws {
    let api = try APIFixture { configuration, _ in
      configuration.serviceRanges = [Prefix("10.96.0.0/26")!, Prefix("fd00:96::/122")!]
      configuration.nodePorts = 30000...30039
    }
    let ledger = Mutex(Ledger())
    let threads = (0..<6).map { thread in
      Thread("client") {
        var mine: [(name: String, things: [String])] = []
        for number in 0..<150 {
          if mine.count > 12 || (!mine.isEmpty && Int.random(in: 0..<3) == 0) {
            let service = mine.remove(at: Int.random(in: mine.indices))
            ledger.withLock { for thing in service.things { $0.holders[thing] = nil } }
            let answer = try? api.send("DELETE", "\(APIFixture.services)/\(service.name)")
            if answer?.status != 200 { ledger.withLock { $0.faults.append("\(service.name) was not deleted") } }
            continue
          }
          let name = "s\(thread)-\(number)"
          guard let answer = try? api.send("POST", APIFixture.services, Self.wish(name)) else { continue }
          if answer.status == 201 {
            let things = Self.things(answer.json)
            ledger.withLock { $0.add(things, name) }
            mine.append((name, things))
          } else {
            ledger.withLock { $0.refusals += 1 }
          }
        }
      }
    }
    for thread in threads { thread.join() }
    let end = ledger.withLock { $0 }
    #expect(end.faults.isEmpty, "\(end.faults)")
    #expect(end.allocations > 100 && end.refusals > 0)
    // What is stored is what was told, and every address has its object.
    let services = try api.send("GET", APIFixture.services).json["items"].elements
    let held = services.filter { $0["metadata", "name"] != "kubernetes" }.flatMap { Self.things($0) }
    #expect(Set(held) == Set(end.holders.keys) && held.count == end.holders.count)
    #expect(try Self.addressObjects(api) == Self.addresses(services))
    // Nothing leaked: when all are gone, all can be given out again.
    try api.send("DELETE", APIFixture.services + "?labelSelector=!component")
    for index in 0..<61 { try api.create(APIFixture.services, APIFixture.service("again\(index)")) }
    #expect(try api.send("POST", APIFixture.services, APIFixture.service("full")).status == 500)
  }

  private static func addresses(_ services: [JSON]) -> [String] {
    services.flatMap { $0["spec", "clusterIPs"].elements.compactMap(\.string) }.sorted()
  }

  private static func addressObjects(_ api: APIFixture) throws -> [String] {
    try api.send("GET", "/apis/networking.k8s.io/v1/ipaddresses").json["items"].elements
      .compactMap { $0["metadata", "name"].string }.sorted()
  }

  private static let kills = 60

  private static func writer() throws -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let length = readlink("/proc/self/exe", &buffer, 4095)
    let folder = Files.parent(of: String(decoding: buffer[..<max(0, length)], as: UTF8.self))
    for candidate in [folder + "/swiftlet-allocator-writer", ".build/debug/swiftlet-allocator-writer"]
    where Files.exists(candidate) {
      return candidate
    }
    return try #require(nil as String?, "swiftlet-allocator-writer is not beside the tests; swift build --build-tests")
  }

  /// One file, and processes that allocate from it on three threads until each is killed.
  @Test func neverTwiceOverKills() throws {
    let writer = try Self.writer()
    let parent = Files.isDirectory("/dev/shm") ? "/dev/shm" : "/tmp"
    var template = Array("\(parent)/swt-alloc-XXXXXX".utf8CString)
    let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer { try? Files.removeTree(folder) }
    let path = folder + "/db"
    var known: [String: String] = [:]
    var events = 0
    for kill in 0..<Self.kills {
      var ends: [CInt] = [0, 0]
      try #require(pipe(&ends) == 0)
      let process = try ChildProcess([writer, path], standardOutput: .descriptor(ends[1]))
      close(ends[1])
      // After some of its writes, so that slow machines get as far as fast ones; now and then while it starts.
      var output: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 65536)
      let enough = kill % 6 == 0 ? 0 : Int.random(in: 1...2000)
      while output.count < enough {
        let count = read(ends[0], &chunk, chunk.count)
        guard count > 0 else { break }
        output += chunk[..<count]
      }
      usleep(UInt32.random(in: 0..<20_000))
      process.signal(SIGKILL)
      process.wait()
      while case let count = read(ends[0], &chunk, chunk.count), count > 0 { output += chunk[..<count] }
      close(ends[0])
      var uncertain: Set<String> = []
      for line in String(decoding: output, as: UTF8.self).split(separator: "\n") {
        let words = line.split(separator: " ").map(String.init)
        events += 1
        switch words[0] {
        case "+": known[words[1]] = "\(words[2]) \(words[3])"
        case "?": uncertain.insert(words[1])
        default:
          known[words[1]] = nil
          uncertain.remove(words[1])
        }
      }
      guard Files.exists(path) else { continue }
      let stored = try Self.stored(path)
      for (name, what) in known where !uncertain.contains(name) {
        #expect(stored[name] == what, "kill \(kill): \(name)")
      }
      // What was created without an answer is there, or not, as a whole.
      known = stored
    }
    #expect(events > Self.kills)
  }

  /// The Services in a store, opened as the next server would, after a look at what must hold whatever happened.
  private static func stored(_ path: String) throws -> [String: String] {
    let store = try ObjectStore(path: path)
    let all = store.list("services").objects
    let services = all.filter { $0.key.name != "kubernetes" }
    let addresses = services.map { $0.value["spec", "clusterIP"].string ?? "" }
    let ports = services.map { $0.value["spec", "ports"][0]["nodePort"].int ?? 0 }
    #expect(Set(addresses).count == addresses.count && Set(ports).count == ports.count)
    let objects = store.list("ipaddresses.networking.k8s.io").objects.map(\.key.name)
    #expect(objects.sorted() == all.compactMap { $0.value["spec", "clusterIP"].string }.sorted())
    for service in services {
      let object = store.list("ipaddresses.networking.k8s.io").objects.first {
        $0.key.name == service.value["spec", "clusterIP"].string
      }
      #expect(object?.value["spec", "parentRef", "name"].string == service.key.name)
    }
    return Dictionary(
      uniqueKeysWithValues: services.indices.map { (services[$0].key.name, "\(addresses[$0]) \(ports[$0])") })
  }
}
