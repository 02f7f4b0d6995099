import Addressing
import Diagnosis
package import JSON
import Linux

extension LabConfiguration {
  /// The configuration of the lab at `site`.
  package init(site: LabSite) throws {
    let bytes: [UInt8]
    do {
      bytes = try Files.read(site.configurationFile)
    } catch {
      throw LabError("there is no lab on this machine", remedy: "make one with `swiftlet lab up MANIFESTS`")
    }
    try self.init(json: try JSON(parsing: bytes))
  }

  /// The text of `lab.json`.
  package var json: JSON {
    func range(_ range: PlannedRange) -> JSON { ["range": .string("\(range.prefix)"), "from": .string(range.source)] }
    return [
      "nodeRange": range(ranges.nodes), "podRange": range(ranges.pods), "serviceRange": range(ranges.services),
      "workers": .int(Int64(workers.count)), "apiPort": .int(Int64(apiPort)), "executables": .string(executables),
      "hasGateway": .bool(gatewayNode != nil),
    ]
  }

  /// Reads what `json` wrote; checks it again, since a file can be edited.
  package init(json: JSON) throws {
    func range(_ role: PlannedRange.Role, _ key: String) throws(RangePlanError) -> PlannedRange {
      try PlannedRange(role, parsing: json[key, "range"].string ?? "", from: json[key, "from"].string ?? "lab.json")
    }
    guard let workers = json["workers"].int, workers >= 1, let port = json["apiPort"].int,
      let executables = json["executables"].string
    else {
      throw LabError(
        "lab.json is not a lab's configuration: expected members workers, apiPort and executables",
        remedy: "remove the lab with `swiftlet lab down` and make it again")
    }
    let plan = try RangePlan(
      nodes: range(.node, "nodeRange"), pods: range(.pod, "podRange"), services: range(.service, "serviceRange"),
      nodeCount: workers, nodeAddresses: Self.nodeAddresses(workers: workers), taken: [Self.outsideRange])
    self.init(
      ranges: plan, workerCount: workers, apiPort: port, executables: executables,
      hasGateway: json["hasGateway"].bool ?? false)
  }
}
