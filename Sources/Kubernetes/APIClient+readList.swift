internal import JSON

extension APIClient {
  /// Reads all objects selected in pages and hands each over as it is read, so that no more than a page of text and one
  /// object are in memory. Answers the version of the list. Throws where the pages expire under way (410).
  package func readList(
    _ type: ResourceType, _ options: ListOptions, pageSize: Int, resourceVersion: String?,
    _ item: (KubernetesObject) -> Void
  ) throws -> String {
    var version = ""
    var next = ""
    repeat {
      var query = [("limit", String(pageSize))]
      if !next.isEmpty {
        query.append(("continue", next))
      } else if let resourceVersion {
        query.append(("resourceVersion", resourceVersion))
      }
      let response = try transport.send(
        APIRequest("GET", options.target(type, query), headers: ["accept": "application/json"]))
      guard response.status == 200 else { throw APIStatus(response) }
      next = ""
      try JSONReader.read(response.body) { reader throws(JSONError) in
        try reader.members { reader, key throws(JSONError) in
          if key == "items" {
            try reader.elements { reader throws(JSONError) in item(Self.complete(try reader.value(), type)) }
          } else if key == "metadata" {
            try reader.members { reader, key throws(JSONError) in
              if key == "resourceVersion" {
                version = try reader.string() ?? ""
              } else if key == "continue" {
                next = try reader.string() ?? ""
              }
            }
          }
        }
      }
    } while !next.isEmpty
    return version
  }
}
