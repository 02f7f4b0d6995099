internal import JSON

extension JSON {
  /// The text with all members sorted: equal values have equal texts.
  var canonicalText: String {
    func sorted(_ json: JSON) -> JSON {
      switch json {
      case .object(let object):
        .object(JSON.Object(object.members.sorted { $0.key < $1.key }.map { ($0.key, sorted($0.value)) }))
      case .array(let values): .array(values.map(sorted))
      default: json
      }
    }
    return sorted(self).description
  }

  static func count(_ value: Int) -> JSON { .int(Int64(value)) }
}
