// Reads a PodList three ways: with the project's pull reader and with Foundation's JSONDecoder, which both take the same
// fields of each pod, and as the project's generic tree. usage: json FILE. Prints one line of JSON with milliseconds.
import Foundation

struct PodFacts {
  var name = ""
  var namespace = ""
  var node = ""
  var address = ""
  var labels: [String: String] = [:]
}

struct PodList: Decodable {
  struct Pod: Decodable {
    struct Metadata: Decodable {
      let name: String
      let namespace: String
      let labels: [String: String]?
    }
    struct Spec: Decodable { let nodeName: String? }
    struct Status: Decodable { let podIP: String? }
    let metadata: Metadata
    let spec: Spec
    let status: Status
  }
  let items: [Pod]
}

func pull(_ bytes: [UInt8]) throws -> [PodFacts] {
  var pods: [PodFacts] = []
  try JSONReader.read(bytes) { reader throws(JSONError) in
    try reader.members { reader, key throws(JSONError) in
      guard key == "items" else { return }
      try reader.elements { reader throws(JSONError) in
        var pod = PodFacts()
        try reader.members { reader, key throws(JSONError) in
          if key == "metadata" {
            try reader.members { reader, key throws(JSONError) in
              if key == "name" {
                pod.name = try reader.string() ?? ""
              } else if key == "namespace" {
                pod.namespace = try reader.string() ?? ""
              } else if key == "labels" {
                pod.labels = try reader.stringMap()
              }
            }
          } else if key == "spec" {
            try reader.members { reader, key throws(JSONError) in
              if key == "nodeName" { pod.node = try reader.string() ?? "" }
            }
          } else if key == "status" {
            try reader.members { reader, key throws(JSONError) in
              if key == "podIP" { pod.address = try reader.string() ?? "" }
            }
          }
        }
        pods.append(pod)
      }
    }
  }
  return pods
}

@main
struct Bench {
  static func main() throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: CommandLine.arguments[1]))
    let bytes = [UInt8](data)
    func best(_ body: () throws -> Int) rethrows -> (Double, Int) {
      var best = Double.infinity
      var found = 0
      for _ in 0..<5 {
        let begin = clock()
        found = try body()
        best = min(best, Double(clock() - begin) / Double(CLOCKS_PER_SEC) * 1000)
      }
      return (best, found)
    }
    let (pulled, pods) = try best { try pull(bytes).count }
    let (decoded, same) = try best { try JSONDecoder().decode(PodList.self, from: data).items.count }
    let (tree, also) = try best { try JSON(parsing: bytes)["items"].elements.count }
    let (skipped, _) = try best {
      try JSONReader.read(bytes) { reader throws(JSONError) in try reader.skip() }
      return 0
    }
    precondition(pods == same && pods == also && pods > 0, "the ways differ: \(pods), \(same), \(also)")
    print(
      #"{"pods": \#(pods), "bytes": \#(bytes.count), "pull": \#(pulled), "JSONDecoder": \#(decoded), "tree": \#(tree), "#
        + #""check": \#(skipped)}"#)
  }
}
