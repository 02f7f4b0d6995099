package import JSON
internal import Linux

/// An agent's status for people.
package struct StatusReport: Sendable {
  package let text: String
  /// Every plane works, and so does every session.
  package let isWell: Bool

  package init(_ status: JSON) {
    var text = "node \(status["node"].string ?? "?"): swiftlet \(status["version"].string ?? "?")"
    if let pid = status["pid"].int { text += ", pid \(pid)" }
    if let started = status["started"].string { text += ", since \(started)" }
    text += "\n"
    let ranges = status["podRanges"].elements.compactMap(\.string)
    text += "pod ranges: \(ranges.isEmpty ? "none yet" : ranges.joined(separator: ", "))\n\n"

    var isWell = true
    var planes = TextTable("PLANE", "STATE", "CHANGES", "PROBLEM")
    for plane in status["planes"].elements {
      let failure = plane["failure"].string
      let hasSynced = plane["synced"].bool == true
      if failure != nil || !hasSynced { isWell = false }
      planes.add(
        plane["name"].string ?? "?", failure != nil ? "failing" : hasSynced ? "works" : "waits for the API",
        plane["changes"].int.map(String.init) ?? "-", failure ?? "")
    }
    text += planes.text
    for plane in status["planes"].elements where plane["name"].string == "routing" && plane["status"].object != nil {
      let routing = Self.routing(plane["status"])
      text += "\n" + routing.text
      isWell = isWell && routing.isWell
    }
    self.text = text
    self.isWell = isWell
  }

  private static func routing(_ status: JSON) -> (text: String, isWell: Bool) {
    var text = "routing \(status["mode"].string ?? "?")"
    if let mtu = status["mtu"].int { text += ", pods' MTU \(mtu)" }
    text += "\n"
    var isWell = true
    for problem in status["problems"].elements.compactMap(\.string) {
      text += "problem: \(problem)\n"
      isWell = false
    }
    var table = TextTable("NODE", "POD RANGE", "PATH")
    for (_, backend) in status["backends"].members {
      for link in backend["links"].elements {
        let isUp = link["up"].bool != false
        text += "link \(link["name"].string ?? "?"), MTU \(link["mtu"].int ?? 0)\(isUp ? "" : ", down")\n"
        isWell = isWell && isUp
      }
      for (node, ranges) in backend["peers"].members {
        for (range, path) in ranges.members { table.add(node, range, path.string ?? "?") }
      }
    }
    text += table.isEmpty ? "no peers\n" : table.text
    for (_, backend) in status["backends"].members where backend["backend"].string == "bgp" && backend["as"].int != nil
    {
      let bgp = bgp(backend)
      text += "\n" + bgp.text
      isWell = isWell && bgp.isWell
    }
    return (text, isWell)
  }

  private static func bgp(_ status: JSON) -> (text: String, isWell: Bool) {
    var isWell = true
    var text = "bgp"
    if let number = status["as"].int { text += " AS \(number)" }
    if let router = status["routerID"].string { text += ", router id \(router)" }
    if let id = status["reflectorClusterID"].string { text += ", reflector of cluster \(id)" }
    let bird = status["bird"]
    if let version = bird["version"].string { text += ", BIRD \(version)" }
    if let pid = bird["pid"].int { text += " pid \(pid)" }
    text += "\n"
    for (name, problem) in [("configuration", status["configurationError"]), ("bird", bird["error"])] {
      guard let problem = problem.string else { continue }
      text += "\(name): \(problem)\n"
      isWell = false
    }
    var table = TextTable("PEER", "ROLE", "ADDRESS", "AS", "STATE", "SINCE", "IN", "OUT", "LAST ERROR")
    for session in status["sessions"].elements {
      let state = session["state"].string ?? "?"
      if state != "Established" { isWell = false }
      let trouble = [session["lastError"].string, session["hint"].string].compactMap { $0 }.joined(separator: "; ")
      table.add(
        session["peer"].string ?? "?", session["role"].string ?? "?", session["address"].string ?? "?",
        session["as"].int.map(String.init) ?? "?", state, session["since"].string ?? "-",
        session["routesIn"].int.map(String.init) ?? "-", session["routesOut"].int.map(String.init) ?? "-", trouble)
    }
    return (text + (table.isEmpty ? "no sessions\n" : table.text), isWell)
  }
}
