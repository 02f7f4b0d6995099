internal import NodeRouting

extension LabChange {
  /// The configuration with a node in another state.
  func setting(_ name: String, _ state: LabNode.State) -> LabConfiguration {
    changed(name, { $0.state = state }) { $0.controlState = state }
  }

  /// The configuration with a node of another mode of routing.
  func setting(_ name: String, _ routing: RoutingMode) -> LabConfiguration {
    changed(name, { $0.routing = routing }) { $0.controlRouting = routing }
  }

  private func changed(
    _ name: String, _ worker: (inout LabConfiguration.Worker) -> Void, control: (inout LabConfiguration) -> Void
  ) -> LabConfiguration {
    var lab = self.lab
    if name == lab.control.name {
      control(&lab)
    } else if let index = lab.members.firstIndex(where: { $0.name == name }) {
      worker(&lab.members[index])
    }
    return lab
  }

  /// Writes down a state that no process depends on.
  func record(_ name: String, _ state: LabNode.State) throws {
    try apply(setting(name, state), "it is written down") { _ in true }
  }
}
