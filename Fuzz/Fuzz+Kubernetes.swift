import JSON
import Kubernetes

let kubernetesParsers: [String: Parser] = [
  "yaml": { bytes in
    guard let documents = try? YAML.parse(bytes, file: "fuzz") else { return }
    for document in documents {
      // Whatever YAML gave must be JSON that our own parser takes: it goes to the API as that.
      precondition((try? JSON(parsing: document.value.bytes())) == document.value, "YAML gave no JSON")
    }
  },
  "kubeconfig": { bytes in
    guard let config = try? KubeConfig(bytes, file: "/nonexistent/config") else { return }
    let again = try? KubeConfig(Array(config.yaml(name: "again").utf8), file: "again")
    precondition(again == config, "a kubeconfig that was written does not read back")
  },
  "watch": { bytes in
    var decoder = WatchDecoder()
    let middle = bytes.count / 3
    guard (try? decoder.decode(Array(bytes[..<middle]))) != nil else { return }
    _ = try? decoder.decode(Array(bytes[middle...]))
  },
  "timestamp": { bytes in
    guard let time = Timestamp(String(decoding: bytes, as: UTF8.self)) else { return }
    precondition(Timestamp(time.microDescription) != nil && Timestamp(time.description) != nil)
  },
  "base64": { bytes in
    guard let decoded = Base64.decode(String(decoding: bytes, as: UTF8.self)) else { return }
    precondition(Base64.decode(Base64.encode(decoded)) == decoded)
  },
  // The answer to a request that failed.
  "status": { bytes in
    guard let json = try? JSON(parsing: bytes) else { return }
    _ = "\(APIStatus(json, code: 500))"
    let labels = json["metadata", "labels"].stringMap
    _ = (try? LabelSelector(decoding: json["spec", "selector"]))?.matches(labels)
    _ = KubernetesObject(json).condition("Ready")
  },
]
