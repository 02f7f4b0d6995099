import Addressing
import ControlPlane
import Glibc
import JSON
import Kubernetes
import Linux
import Synchronization

/// A process that does nothing but create and delete Services, on three threads, until it is killed:
/// `swiftlet-allocator-writer PATH`. Each line of its standard output is one thing that happened: `+ NAME CLUSTERIP PORT`
/// after a creation was acknowledged, `? NAME` before a deletion is sent, `- NAME` after it was acknowledged.
@main
struct AllocatorWriter {
  private static let services = "/api/v1/namespaces/default/services"

  static func main() throws {
    let path = CommandLine.arguments[1]
    var configuration = APIServerConfiguration(databasePath: path, serviceRanges: [Prefix("10.96.0.0/26")!])
    configuration.nodePorts = 30000...30049
    let server = try APIServer(configuration)
    let transport = server.transport
    let run = String(getpid())
    // What runs before this one left is this one's to delete: without that, kill by kill, everything would be given out.
    let left = try JSON(parsing: transport.send(APIRequest("GET", services)).body)["items"].elements
      .compactMap { $0["metadata", "name"].string }.filter { $0 != "kubernetes" }
    let threads = (0..<3).map { thread in
      Thread("writer") {
        var mine = left.indices.filter { $0 % 3 == thread }.map { left[$0] }
        for number in 0..<1_000_000 {
          if mine.count > 8 || (!mine.isEmpty && Bool.random()) {
            let name = mine.remove(at: Int.random(in: mine.indices))
            tell("? \(name)")
            if (try? transport.send(APIRequest("DELETE", "\(services)/\(name)")).status) == 200 { tell("- \(name)") }
            continue
          }
          let name = "s\(run)-\(thread)-\(number)"
          let body: JSON = [
            "metadata": ["name": .string(name)], "spec": ["type": "NodePort", "ports": [["port": 80]]],
          ]
          let answer = try? transport.send(
            APIRequest("POST", services, headers: ["content-type": "application/json"], body: body.bytes()))
          guard let answer, answer.status == 201, let made = try? JSON(parsing: answer.body) else { continue }
          mine.append(name)
          tell("+ \(name) \(made["spec", "clusterIP"].string ?? "") \(made["spec", "ports"][0]["nodePort"].int ?? 0)")
        }
      }
    }
    for thread in threads { thread.join() }
  }

  /// One write: lines of several threads do not mix.
  private static func tell(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    if write(STDOUT_FILENO, bytes, bytes.count) != bytes.count { exit(1) }
  }
}
