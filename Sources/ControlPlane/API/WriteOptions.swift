/// What the query of a write asks for, checked as Kubernetes checks `CreateOptions`, `UpdateOptions`, `PatchOptions` and
/// `DeleteOptions`.
struct WriteOptions {
  /// What happens to fields that the schema does not know, or that come twice.
  enum FieldValidation: String {
    case ignore = "Ignore"
    case warn = "Warn"
    case strict = "Strict"
  }

  private static let names = ["POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions"]

  static func check(_ request: ResourceRequest) throws(StatusError) {
    let target = request.target
    var collector = FaultCollector()
    for value in target.values("dryRun") where value != "All" && !value.isEmpty {
      collector.add(.notSupported("dryRun", .string(value), ["All"]))
    }
    if request.method != "DELETE" {
      if let value = target["fieldValidation"], !value.isEmpty, FieldValidation(rawValue: value) == nil {
        collector.add(.notSupported("fieldValidation", .string(value), ["Ignore", "Strict", "Warn"]))
      }
      let manager = target["fieldManager"] ?? ""
      if manager.utf8.count > 128 { collector.add(.tooLong("fieldManager", 128)) }
      if request.method == "PATCH" {
        let isApply = request.contentType == "application/apply-patch+yaml"
        if isApply, manager.isEmpty {
          collector.add(.required("fieldManager", "is required for apply patch"))
        }
        if !isApply, target["force"] != nil {
          collector.add(.forbidden("force", "may not be specified for non-apply patch"))
        }
      }
    }
    guard collector.faults.isEmpty else {
      let name = names[request.method] ?? "DeleteOptions"
      throw .invalid(ResourceKind("meta.k8s.io", "v1", name, name.lowercased()), "", collector.faults)
    }
  }

  /// Warnings are what Kubernetes gives where nothing is asked for.
  static func fieldValidation(_ target: RequestTarget) -> FieldValidation {
    FieldValidation(rawValue: target["fieldValidation"] ?? "") ?? .warn
  }
}
