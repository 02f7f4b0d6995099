package import JSON

/// One of `metadata.ownerReferences`.
package struct OwnerReference: Hashable, Sendable {
  package var apiVersion: String
  package var kind: String
  package var name: String
  package var uid: String
  /// The one owner that manages the object.
  package var isController: Bool
  /// Foreground deletion of the owner waits for this object.
  package var blocksOwnerDeletion: Bool

  package init(
    apiVersion: String, kind: String, name: String, uid: String, isController: Bool = false,
    blocksOwnerDeletion: Bool = false
  ) {
    self.apiVersion = apiVersion
    self.kind = kind
    self.name = name
    self.uid = uid
    self.isController = isController
    self.blocksOwnerDeletion = blocksOwnerDeletion
  }

  package init(_ json: JSON) {
    self.init(
      apiVersion: json["apiVersion"].string ?? "", kind: json["kind"].string ?? "", name: json["name"].string ?? "",
      uid: json["uid"].string ?? "", isController: json["controller"].bool ?? false,
      blocksOwnerDeletion: json["blockOwnerDeletion"].bool ?? false)
  }

  /// The reference by which `owner` controls an object.
  package init(controller owner: KubernetesObject) {
    self.init(
      apiVersion: owner.apiVersion, kind: owner.kind, name: owner.name, uid: owner.uid, isController: true,
      blocksOwnerDeletion: true)
  }

  package var json: JSON {
    var json: JSON = [
      "apiVersion": .string(apiVersion), "kind": .string(kind), "name": .string(name), "uid": .string(uid),
    ]
    if isController { json["controller"] = true }
    if blocksOwnerDeletion { json["blockOwnerDeletion"] = true }
    return json
  }
}
