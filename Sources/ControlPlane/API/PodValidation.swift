internal import JSON

/// Faults of pod specifications, of pods and in templates.
enum PodValidation {
  /// `claims` are names of volumes that will be there besides those of the specification.
  static func check(
    _ spec: JSON, _ path: String, claims: Set<String> = [], _ collector: inout FaultCollector
  ) {
    let volumes = volumeNames(spec, path, &collector).union(claims)
    if spec["containers"].elements.isEmpty { collector.add(.required("\(path).containers")) }
    var names: Set<String> = []
    for list in ["initContainers", "containers", "ephemeralContainers"] {
      for (index, container) in spec[list].elements.enumerated() {
        let field = "\(path).\(list)[\(index)]"
        collector.name(container["name"], "\(field).name", NameRules.label)
        if let name = container["name"].string, !names.insert(name).inserted {
          collector.add(.duplicate("\(field).name", container["name"]))
        }
        check(container: container, field, volumes: volumes, &collector)
      }
    }
    collector.oneOf(spec["restartPolicy"], "\(path).restartPolicy", ["Always", "OnFailure", "Never"])
    collector.oneOf(
      spec["dnsPolicy"], "\(path).dnsPolicy", ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"])
    collector.notNegative(spec["terminationGracePeriodSeconds"], "\(path).terminationGracePeriodSeconds")
    collector.optionalName(spec["hostname"], "\(path).hostname", NameRules.label)
    collector.optionalName(spec["subdomain"], "\(path).subdomain", NameRules.label)
    collector.optionalName(spec["nodeName"], "\(path).nodeName", NameRules.subdomain)
    collector.optionalName(spec["serviceAccountName"], "\(path).serviceAccountName", NameRules.subdomain)
    collector.labels(spec["nodeSelector"], "\(path).nodeSelector")
  }

  private static func volumeNames(_ spec: JSON, _ path: String, _ collector: inout FaultCollector) -> Set<String> {
    var names: Set<String> = []
    for (index, volume) in spec["volumes"].elements.enumerated() {
      let field = "\(path).volumes[\(index)].name"
      collector.name(volume["name"], field, NameRules.label)
      if let name = volume["name"].string, !names.insert(name).inserted {
        collector.add(.duplicate(field, volume["name"]))
      }
    }
    return names
  }

  private static func check(
    container: JSON, _ field: String, volumes: Set<String>, _ collector: inout FaultCollector
  ) {
    if (container["image"].string ?? "").isEmpty { collector.add(.required("\(field).image")) }
    collector.oneOf(container["imagePullPolicy"], "\(field).imagePullPolicy", ["Always", "IfNotPresent", "Never"])
    var portNames: Set<String> = []
    for (index, port) in container["ports"].elements.enumerated() {
      let path = "\(field).ports[\(index)]"
      if let name = port["name"].string, !name.isEmpty {
        if let reason = NameRules.portName(name) { collector.add(.invalid("\(path).name", port["name"], reason)) }
        if !portNames.insert(name).inserted { collector.add(.duplicate("\(path).name", port["name"])) }
      }
      if port["containerPort"].isNull {
        collector.add(.required("\(path).containerPort"))
      } else {
        collector.port(port["containerPort"], "\(path).containerPort")
      }
      if !port["hostPort"].isNull, port["hostPort"] != 0 { collector.port(port["hostPort"], "\(path).hostPort") }
      collector.oneOf(port["protocol"], "\(path).protocol", ["SCTP", "TCP", "UDP"])
    }
    for (index, variable) in container["env"].elements.enumerated() {
      if (variable["name"].string ?? "").isEmpty { collector.add(.required("\(field).env[\(index)].name")) }
      if !(variable["value"].string ?? "").isEmpty, !variable["valueFrom"].isNull {
        collector.add(
          .invalid("\(field).env[\(index)].valueFrom", "", "may not be specified when `value` is not empty"))
      }
    }
    for (index, mount) in container["volumeMounts"].elements.enumerated() {
      let path = "\(field).volumeMounts[\(index)]"
      if let name = mount["name"].string, !name.isEmpty {
        if !volumes.contains(name) {
          collector.add(
            FieldFault(
              reason: "FieldValueNotFound", field: "\(path).name", message: "Not found: \"\(name)\""))
        }
      } else {
        collector.add(.required("\(path).name"))
      }
      if (mount["mountPath"].string ?? "").isEmpty { collector.add(.required("\(path).mountPath")) }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] where !container[probe].isNull {
      check(probe: container[probe], "\(field).\(probe)", &collector)
    }
  }

  private static func check(probe: JSON, _ field: String, _ collector: inout FaultCollector) {
    let handlers = ["exec", "httpGet", "tcpSocket", "grpc"].filter { !probe[$0].isNull }
    if handlers.isEmpty { collector.add(.required(field, "must specify a handler type")) }
    for extra in handlers.dropFirst() {
      collector.add(.forbidden("\(field).\(extra)", "may not specify more than 1 handler type"))
    }
    if !probe["httpGet"].isNull { collector.portOrName(probe["httpGet", "port"], "\(field).httpGet.port") }
    if !probe["tcpSocket"].isNull { collector.portOrName(probe["tcpSocket", "port"], "\(field).tcpSocket.port") }
    if !probe["grpc"].isNull { collector.port(probe["grpc", "port"], "\(field).grpc.port") }
    for number in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] {
      collector.notNegative(probe[number], "\(field).\(number)")
    }
  }
}
