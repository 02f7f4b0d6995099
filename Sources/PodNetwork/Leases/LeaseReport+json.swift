internal import Addressing
package import JSON

extension LeaseReport {
  /// Everything, for programs.
  package var json: JSON {
    [
      "network": .string(network), "directory": .string(directory),
      "ranges": .array(
        usage.map { use in
          [
            "ranges": .array(use.set.ranges.map { .string("\($0.start)-\($0.end)") }), "taken": .int(Int64(use.taken)),
            "capacity": .string("\(use.set.capacity)"),
          ]
        }),
      "leases": .array(items.map(Self.json)),
      "findings": .array(
        findings.map { finding in
          var json: JSON = ["kind": .string(finding.kind), "message": .string(finding.text)]
          if let address = finding.address { json["address"] = .string("\(address)") }
          return json
        }),
    ]
  }

  private static func json(_ item: Item) -> JSON {
    var json: JSON = [
      "address": .string("\(item.file.address)"), "state": .string(item.state.rawValue),
      "since": .int(Int64(item.file.changedAt)),
    ]
    if let holder = item.file.holder {
      json["container"] = .string(holder.containerID)
      json["interface"] = .string(holder.interfaceName)
    }
    if let pod = item.record?.pod { json["pod"] = .string(pod) }
    return json
  }
}
