internal import Kubernetes
internal import Linux

/// Applies or deletes manifests and tells what happened to each.
enum ManifestReport {
  struct Counts {
    var applied = 0
    var refused = 0
  }

  /// Objects that were taken are only progress; those that were refused are told with file, line and fields.
  static func apply(
    _ manifests: [Manifest], with applier: Applier, _ output: LabOutput, _ interruption: Interruption?
  ) throws -> Counts {
    try each(manifests, output, interruption) { manifest in
      output.progress("applying \(manifest.object.reference)", onTerminalOnly: true)
      return try applier.apply(manifest)
    }
  }

  /// Deletes in the reverse order, so that nothing is used any more when it goes.
  static func delete(_ manifests: [Manifest], with applier: Applier, _ output: LabOutput) throws -> Counts {
    try each(manifests.reversed(), output, nil) { manifest in
      let outcome = try applier.delete(manifest)
      if outcome == .deleted { output.line("\(manifest.object.reference) deleted") }
      return outcome
    }
  }

  private static func each(
    _ manifests: [Manifest], _ output: LabOutput, _ interruption: Interruption?,
    _ action: (Manifest) throws -> Applier.Outcome
  ) throws -> Counts {
    var counts = Counts()
    for manifest in manifests {
      try interruption?.check()
      switch try action(manifest) {
      case .created, .updated, .deleted, .absent: counts.applied += 1
      case .refused(let message, let fields):
        counts.refused += 1
        output.line("\(manifest.place): \(manifest.object.reference) was refused: \(message)")
        for field in fields { output.line("    \(field)") }
      }
    }
    output.endProgress()
    return counts
  }
}
