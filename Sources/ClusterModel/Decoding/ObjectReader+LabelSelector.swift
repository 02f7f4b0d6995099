internal import JSON
internal import Kubernetes

extension ObjectReader {
  /// A LabelSelector of this object; an error names the field in it.
  func labelSelector(_ json: JSON, _ path: @autoclosure () -> String) throws(ModelError) -> LabelSelector {
    do { return try LabelSelector(decoding: json) } catch {
      throw self.error(path() + error.path, error.found, expected: error.expected)
    }
  }
}
