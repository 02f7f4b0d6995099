import Addressing
package import Diagnosis
package import JSON
import Linux
import NodeRouting

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

  /// Writes it down in one step.
  package func write(_ site: LabSite) throws { try Files.write(site.configurationFile, json.bytes()) }

  /// The text of `lab.json`.
  package var json: JSON {
    func list(_ ranges: [PlannedRange]) -> JSON {
      .array(ranges.map { ["range": .string("\($0.prefix)"), "from": .string($0.source)] })
    }
    func node(_ name: String, _ state: LabNode.State, _ routing: RoutingMode) -> JSON {
      ["name": .string(name), "state": .string(state.rawValue), "routing": .string(routing.rawValue)]
    }
    return [
      "nodeRanges": list(ranges.nodeRanges), "podRanges": list(ranges.podRanges),
      "serviceRanges": list(ranges.serviceRanges), "routing": .string(routing.rawValue), "wiring": .string(wiring),
      "underlay": .string(underlay.rawValue), "control": node("control", controlState, controlRouting),
      "workers": .array(
        members.map { worker in
          var json = node(worker.name, worker.state, worker.routing)
          json["slot"] = .int(Int64(worker.slot))
          return json
        }),
      "apiPort": .int(Int64(apiPort)), "executables": .string(executables), "hasGateway": .bool(hasGateway),
      "servicesBackend": .string(servicesBackend),
    ]
  }

  /// Reads what `json` wrote; checks it again, since a file can be edited.
  package init(json: JSON) throws {
    func damaged(_ expected: String) -> LabError {
      LabError(
        "lab.json is not a lab's configuration: expected \(expected)",
        remedy: "remove the lab with `swiftlet lab down` and make it again")
    }
    func list(_ role: PlannedRange.Role, _ key: String) throws(RangePlanError) -> [PlannedRange] {
      var ranges: [PlannedRange] = []
      for range in json[key].elements {
        ranges.append(
          try PlannedRange(role, parsing: range["range"].string ?? "", from: range["from"].string ?? "lab.json"))
      }
      return ranges
    }
    func state(_ node: JSON) throws -> LabNode.State {
      guard let state = LabNode.State(rawValue: node["state"].string ?? "") else { throw damaged("a node's state") }
      return state
    }
    func mode(_ node: JSON) throws -> RoutingMode {
      guard let mode = RoutingMode(rawValue: node["routing"].string ?? "") else { throw damaged("a mode of routing") }
      return mode
    }
    guard let port = json["apiPort"].int, let executables = json["executables"].string,
      let underlay = Underlay(rawValue: json["underlay"].string ?? ""), let wiring = json["wiring"].string,
      Self.wirings.contains(wiring)
    else { throw damaged("members apiPort, executables, underlay and wiring") }
    var members: [Worker] = []
    for worker in json["workers"].elements {
      guard let name = worker["name"].string, let slot = worker["slot"].int, slot >= 0 else {
        throw damaged("workers with name and slot")
      }
      members.append(Worker(name: name, slot: slot, state: try state(worker), routing: try mode(worker)))
    }
    guard !members.isEmpty, Set(members.map(\.slot)).count == members.count,
      Set(members.map(\.name)).count == members.count
    else { throw damaged("one worker or more, each with a name and a slot of its own") }
    let plan = try Self.plan(
      nodes: list(.node, "nodeRanges"), pods: list(.pod, "podRanges"), services: list(.service, "serviceRanges"),
      members: members, underlay)
    self.init(
      ranges: plan, members: members, routing: try mode(json), wiring: wiring, underlay: underlay, apiPort: port,
      executables: executables, hasGateway: json["hasGateway"].bool ?? false)
    if let backend = json["servicesBackend"].string {
      guard Self.servicesBackends.contains(backend) else { throw damaged("a back end of Services") }
      servicesBackend = backend
    }
    controlState = try state(json["control"])
    controlRouting = try mode(json["control"])
  }

  /// The plan of a lab with these workers: throws all that is wrong with it.
  package static func plan(
    nodes: [PlannedRange], pods: [PlannedRange], services: [PlannedRange], members: [Worker], _ underlay: Underlay
  ) throws(RangePlanError) -> RangePlan {
    let slots = (members.map(\.slot).max() ?? -1) + 1
    return try RangePlan(
      nodes: nodes, pods: pods, services: services, nodeCount: members.count,
      nodeAddresses: nodeAddresses(slots: slots, underlay), taken: OutsideAddresses.ranges)
  }

  /// The same lab with other workers; throws what the ranges have no room for.
  package func replacingMembers(_ members: [Worker]) throws(RangePlanError) -> LabConfiguration {
    var lab = self
    lab.members = members
    _ = try Self.plan(
      nodes: ranges.nodeRanges, pods: ranges.podRanges, services: ranges.serviceRanges, members: members, underlay)
    return lab
  }
}
