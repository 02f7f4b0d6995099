internal import Addressing
internal import JSON

extension Pod: APIDecodable {
  package static var kind: String { "Pod" }

  package init(reading reader: inout ObjectReader) throws(ModelError) {
    self.init(id: reader.id)
    let metadata = reader.json["metadata"]
    let spec = reader.json["spec"]
    let status = reader.json["status"]
    uid = metadata["uid"].string ?? ""
    labels = reader.labels
    isTerminating = !metadata["deletionTimestamp"].isNull
    if let name = spec["nodeName"].string, !name.isEmpty { node = name }
    isHostNetwork = spec["hostNetwork"].bool ?? false
    if let name = spec["hostname"].string, !name.isEmpty { hostname = name }
    if let name = spec["subdomain"].string, !name.isEmpty { subdomain = name }
    let phase = status["phase"].string
    isTerminal = phase == "Succeeded" || phase == "Failed"
    isReady = status["conditions"].elements.contains {
      $0["type"].string == "Ready" && $0["status"].string == "True"
    }
    readAddresses(status, &reader)
    for (index, container) in spec["containers"].elements.enumerated() {
      readPorts(container, &reader) { "spec.containers[\(index)]" }
    }
    // Sidecars are init containers that are restarted always (KEP-753); their ports count like any other.
    for (index, container) in spec["initContainers"].elements.enumerated()
    where container["restartPolicy"].string == "Always" {
      readPorts(container, &reader) { "spec.initContainers[\(index)]" }
    }
  }

  private mutating func readAddresses(_ status: JSON, _ reader: inout ObjectReader) {
    let entries = status["podIPs"].elements
    for (index, entry) in entries.enumerated() {
      if let address = reader.address(entry["ip"], "status.podIPs[\(index)].ip") { addresses.append(address) }
    }
    if entries.isEmpty, let text = status["podIP"].string, !text.isEmpty,
      let address = reader.address(status["podIP"], "status.podIP")
    {
      addresses.append(address)
    }
  }

  private mutating func readPorts(_ container: JSON, _ reader: inout ObjectReader, path: () -> String) {
    for (index, port) in container["ports"].elements.enumerated() {
      guard let name = port["name"].string, !name.isEmpty,
        let transport = reader.transport(port["protocol"], path() + ".ports[\(index)].protocol"),
        let number = reader.port(port["containerPort"], path() + ".ports[\(index)].containerPort")
      else { continue }
      namedPorts.append(NamedPort(name: name, transport: transport, number: number))
    }
  }
}
