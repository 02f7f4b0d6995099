internal import JSON
internal import Synchronization

/// The OpenAPI documents as they are sent: made when they are first asked for, and the same from then on.
final class OpenAPICache: Sendable {
  private struct Documents {
    var index: [UInt8]
    var v3: [String: [UInt8]]
  }

  private let third = Mutex<Documents?>(nil)
  private let second = Mutex<[UInt8]?>(nil)

  private static func documents(_ handler: APIHandler) -> OpenAPIDocuments {
    OpenAPIDocuments(kinds: handler.kinds, schema: handler.schema)
  }

  func v2(_ handler: APIHandler) -> [UInt8] {
    second.withLock { made in
      if let made { return made }
      let document = Self.documents(handler).v2
      made = document
      return document
    }
  }

  /// `/openapi/v3`
  func index(_ handler: APIHandler) -> [UInt8] { all(handler).index }

  /// `/openapi/v3/PATH`; nil where there is no such document.
  func document(_ path: String, _ handler: APIHandler) -> [UInt8]? { all(handler).v3[path] }

  private func all(_ handler: APIHandler) -> Documents {
    third.withLock { made in
      if let made { return made }
      let source = Self.documents(handler)
      var documents = Documents(index: [], v3: [:])
      var paths = JSON.object(.init())
      for path in source.paths {
        guard let bytes = source.document(path: path)?.bytes() else { continue }
        documents.v3[path] = bytes
        // Clients keep a document as long as its hash stays: FNV-1a tells two of them apart.
        let hash = bytes.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        paths[path] = ["serverRelativeURL": .string("/openapi/v3/\(path)?hash=\(String(hash, radix: 16))")]
      }
      documents.index = (["paths": paths] as JSON).bytes()
      made = documents
      return documents
    }
  }
}
