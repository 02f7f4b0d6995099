internal import JSON

enum StorageTable {
  static func printer(_ kind: ResourceKind) -> TablePrinter {
    @Sendable func modes(_ object: JSON) -> JSON {
      let short = ["ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"]
      return .string(
        object["spec", "accessModes"].elements.compactMap { $0.string.map { short[$0] ?? $0 } }.joined(separator: ","))
    }
    switch kind.plural {
    case "persistentvolumes":
      return TablePrinter("Name Capacity Access_Modes Reclaim_Policy Status Claim StorageClass Reason Age") {
        object, now in
        let claim = object["spec", "claimRef"]
        return [
          TablePrinters.name(object), TablePrinters.scalar(object["spec", "capacity", "storage"], ""), modes(object),
          TablePrinters.text(object["spec", "persistentVolumeReclaimPolicy"]),
          TablePrinters.text(object["status", "phase"]),
          claim.isNull ? "" : .string("\(claim["namespace"].string ?? "")/\(claim["name"].string ?? "")"),
          TablePrinters.text(object["spec", "storageClassName"]), TablePrinters.text(object["status", "reason"]),
          TablePrinters.age(object, now),
        ]
      }
    case "persistentvolumeclaims":
      return TablePrinter("Name Status Volume Capacity Access_Modes StorageClass Age") { object, now in
        [
          TablePrinters.name(object), TablePrinters.text(object["status", "phase"]),
          TablePrinters.text(object["spec", "volumeName"]),
          TablePrinters.scalar(object["status", "capacity", "storage"], ""), modes(object),
          TablePrinters.text(object["spec", "storageClassName"]), TablePrinters.age(object, now),
        ]
      }
    default:
      return TablePrinter("Name Provisioner ReclaimPolicy VolumeBindingMode AllowVolumeExpansion Age") { object, now in
        let key = "storageclass.kubernetes.io/is-default-class"
        let isDefault = object["metadata", "annotations"][key].string == "true"
        let name = object["metadata", "name"].string ?? ""
        return [
          .string(isDefault ? "\(name) (default)" : name), TablePrinters.text(object["provisioner"]),
          TablePrinters.text(object["reclaimPolicy"]), TablePrinters.text(object["volumeBindingMode"]),
          object["allowVolumeExpansion"].bool == true ? "true" : "false", TablePrinters.age(object, now),
        ]
      }
    }
  }
}
