package import JSON

/// A field selector as it stands in a query: `metadata.name=a,status.phase!=Running`.
package struct FieldSelector: Sendable {
  private struct Requirement: Sendable {
    let field: String
    let isEqual: Bool
    let value: String
  }

  private var requirements: [Requirement] = []

  package var isEmpty: Bool { requirements.isEmpty }

  /// The value of `metadata.name` that is asked for, if there is one.
  var name: String? { requirements.first { $0.field == "metadata.name" && $0.isEqual }?.value }

  package init(parsing text: String, kind: ResourceKind) throws(StatusError) {
    for part in Self.split(text) {
      let bytes = Array(part.utf8)
      guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")) else {
        throw .badRequest("invalid selector: '\(text)'; can't understand '\(part)'")
      }
      let isNegated = equals > 0 && bytes[equals - 1] == UInt8(ascii: "!")
      let isDoubled = equals + 1 < bytes.count && bytes[equals + 1] == UInt8(ascii: "=")
      let field = String(decoding: bytes[..<(isNegated ? equals - 1 : equals)], as: UTF8.self)
      let value = String(decoding: bytes[(isDoubled && !isNegated ? equals + 2 : equals + 1)...], as: UTF8.self)
      guard Self.supported(kind).contains(field) else {
        throw .badRequest("field label not supported: \(field)")
      }
      requirements.append(Requirement(field: field, isEqual: !isNegated, value: Self.unescape(value)))
    }
  }

  private static func split(_ text: String) -> [String] {
    var parts: [String] = []
    var part = ""
    var isEscaped = false
    for character in text {
      if character == ",", !isEscaped {
        parts.append(part)
        part = ""
        continue
      }
      isEscaped = character == "\\" && !isEscaped
      part.append(character)
    }
    return (parts + [part]).filter { !$0.isEmpty }
  }

  private static func unescape(_ text: String) -> String {
    var output = ""
    var isEscaped = false
    for character in text {
      if character == "\\", !isEscaped {
        isEscaped = true
        continue
      }
      output.append(character)
      isEscaped = false
    }
    return output
  }

  /// The fields that can be selected by, beyond name and namespace.
  private static func supported(_ kind: ResourceKind) -> Set<String> {
    let common: Set = ["metadata.name", "metadata.namespace"]
    switch (kind.group, kind.plural) {
    case ("", "pods"):
      return common.union([
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
        "status.phase", "status.podIP", "status.podIPs", "status.nominatedNodeName",
      ])
    case ("", "nodes"): return common.union(["spec.unschedulable"])
    case ("", "namespaces"): return common.union(["status.phase", "name"])
    case ("", "secrets"): return common.union(["type"])
    case ("", "services"): return common.union(["spec.clusterIP", "spec.type"])
    case ("", "replicationcontrollers"), ("apps", "replicasets"): return common.union(["status.replicas"])
    case ("batch", "jobs"): return common.union(["status.successful"])
    case (_, "events"):
      return common.union([
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
        "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
        "reportingComponent", "source", "type", "regarding.kind", "regarding.namespace", "regarding.name",
        "regarding.uid", "regarding.apiVersion", "regarding.resourceVersion", "regarding.fieldPath",
        "reportingController",
      ])
    default: return common
    }
  }

  package func matches(_ object: JSON) -> Bool {
    requirements.allSatisfy { (Self.value($0.field, of: object) == $0.value) == $0.isEqual }
  }

  private static func value(_ field: String, of object: JSON) -> String {
    switch field {
    case "name": return object["metadata", "name"].string ?? ""
    case "source": return object["source", "component"].string ?? object["reportingComponent"].string ?? ""
    case "reportingController": return object["reportingComponent"].string ?? ""
    case "spec.unschedulable", "spec.hostNetwork":
      return field.split(separator: ".").reduce(object) { $0[String($1)] }.bool == true ? "true" : "false"
    case "status.podIPs":
      return object["status", "podIPs"].elements.compactMap { $0["ip"].string }.joined(separator: ",")
    default: break
    }
    // events.k8s.io calls the involved object `regarding`; both are stored in the core form.
    let path = field.hasPrefix("regarding.") ? "involvedObject." + field.dropFirst(10) : field
    switch path.split(separator: ".").reduce(object, { $0[String($1)] }) {
    case .string(let text): return text
    case .int(let number): return String(number)
    case .bool(let flag): return flag ? "true" : "false"
    default: return ""
    }
  }
}
