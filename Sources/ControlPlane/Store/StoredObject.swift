package import JSON
internal import Synchronization

/// Where an object is kept.
package struct StoreKey: Hashable, Sendable, CustomStringConvertible {
  /// The plural and, outside the core group, the group: `pods`, `deployments.apps`.
  package let resource: String
  /// Empty for objects of the cluster.
  package let namespace: String
  package let name: String

  package init(_ resource: String, namespace: String = "", name: String) {
    self.resource = resource
    self.namespace = namespace
    self.name = name
  }

  package var description: String { namespace.isEmpty ? "\(resource) \(name)" : "\(resource) \(namespace)/\(name)" }
}

/// One version of an object, as it is in the store: without `kind` and `apiVersion`, which the way it is asked for adds.
///
/// It is kept as JSON text, a tenth of what the parsed value takes. The value is parsed when somebody wants it, and stays
/// parsed only while the object is among the newest changes, which every watch with a selector looks at.
package final class StoredObject: Sendable {
  package let key: StoreKey
  /// The number in `metadata.resourceVersion`.
  package let revision: UInt64
  /// The object as JSON text.
  package let bytes: [UInt8]
  private let parsed: Mutex<Parsed>

  private struct Parsed {
    var value: JSON?
    var isKept: Bool
  }

  /// An object of which the text is at hand and was checked.
  init(_ key: StoreKey, revision: UInt64, bytes: [UInt8]) {
    self.key = key
    self.revision = revision
    self.bytes = bytes
    parsed = Mutex(Parsed(value: nil, isKept: false))
  }

  /// A version of a value under a revision, which is written into it.
  init(_ key: StoreKey, revision: UInt64, value: JSON) {
    var value = value
    value["metadata", "resourceVersion"] = .string(String(revision))
    self.key = key
    self.revision = revision
    bytes = value.bytes()
    parsed = Mutex(Parsed(value: value, isKept: true))
  }

  /// An object of which only the text is known; nil if that is no JSON with a resource version.
  convenience init?(_ key: StoreKey, readingRevisionFrom bytes: [UInt8]) {
    guard let value = try? JSON(parsing: bytes),
      let revision = value["metadata", "resourceVersion"].string.flatMap({ UInt64($0) })
    else { return nil }
    self.init(key, revision: revision, bytes: bytes)
  }

  package var value: JSON {
    if let value = parsed.withLock({ $0.value }) { return value }
    // What cannot be parsed was refused when the store was opened: its checksum is not that of what we wrote.
    let value = (try? JSON(parsing: bytes)) ?? .null
    parsed.withLock { if $0.isKept { $0.value = value } }
    return value
  }

  /// `metadata.labels`, read without parsing the rest.
  var labels: [String: String] {
    if let value = parsed.withLock({ $0.value }) { return value["metadata", "labels"].stringMap }
    var labels: [String: String] = [:]
    try? JSONReader.read(bytes) { reader throws(JSONError) in
      try reader.members { reader, key throws(JSONError) in
        guard key == "metadata" else { return }
        try reader.members { reader, key throws(JSONError) in
          if key == "labels" { labels = try reader.stringMap() }
        }
      }
    }
    return labels
  }

  /// Keeps the parsed value from now on, or lets go of it.
  func keepParsed(_ isKept: Bool) {
    parsed.withLock { parsed in
      parsed.isKept = isKept
      if !isKept { parsed.value = nil }
    }
  }

  /// Tells whether the text is what was written: FNV-1a of key, revision and text (64 bits,
  /// http://www.isthe.com/chongo/tech/comp/fnv/). Against disks that forget, not against people.
  var checksum: UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func add(_ bytes: UnsafeBufferPointer<UInt8>) {
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
    for text in [key.resource, key.namespace, key.name, String(revision)] {
      var text = text + "\0"
      text.withUTF8(add)
    }
    bytes.withUnsafeBufferPointer(add)
    return hash
  }
}

/// A change of one object.
package struct StoreEvent: Sendable {
  package enum Kind: Sendable { case added, modified, deleted }
  package let kind: Kind
  /// The object after the change; for a deletion its last state with the deletion's revision.
  package let object: StoredObject
  /// The object before the change; nil when added.
  package let old: StoredObject?
  /// What watches send for it.
  let lines = SharedLines()

  /// The object as a watch ends with it that selects it no longer: as it was, with the revision of this change.
  var left: StoredObject? { old.map { StoredObject($0.key, revision: object.revision, value: $0.value) } }

  /// Keeps what the newest changes keep for the watches that all look at them, or lets go of it.
  func keepForWatches(_ isKept: Bool) {
    object.keepParsed(isKept)
    old?.keepParsed(isKept)
    if !isKept { lines.forget() }
  }
}
