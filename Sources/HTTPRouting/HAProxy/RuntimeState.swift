package import Addressing

/// What a running HAProxy says of itself: the truth that differences are taken against, after an agent's restart too.
package struct RuntimeState {
  package struct Server: Equatable {
    package var name: String
    package var endpoint: AddressAndPort?
    /// It takes traffic: not in maintenance.
    package var isEnabled: Bool
  }

  package struct MapEntry: Equatable {
    /// HAProxy's reference, which names an entry without quoting its key.
    package var reference: String
    package var key: String
    package var value: String
  }

  /// The fingerprint in `show info`; nil for a process that is not ours.
  package static func fingerprint(_ info: String) -> String? {
    for line in info.split(separator: "\n") {
      if let range = line.firstRange(of: "description: swiftlet-") { return line[range.upperBound...].trimmed }
    }
    return nil
  }

  /// `show backend`: one name a line after a comment.
  package static func backends(_ text: String) -> Set<String> {
    Set(text.split(separator: "\n").map(\.trimmed).filter { !$0.isEmpty && !$0.hasPrefix("#") })
  }

  /// `show servers state`: columns 2, 4, 5, 7 and 19 are backend, server, address, administrative state and port
  /// (management guide, section 9.3). Any bit of the state is a kind of maintenance or draining.
  package static func servers(_ text: String) -> [String: [Server]] {
    var servers: [String: [Server]] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let columns = line.split(separator: " ")
      guard columns.count > 18, let state = Int(columns[6]), let port = UInt16(columns[18]) else { continue }
      let endpoint = IPAddress(String(columns[4])).map { AddressAndPort($0, port) }
      servers[String(columns[1]), default: []].append(
        Server(name: String(columns[3]), endpoint: endpoint, isEnabled: state == 0))
    }
    return servers
  }

  /// `show map`: reference, key and value.
  package static func map(_ text: String) -> [MapEntry] {
    text.split(separator: "\n").compactMap { line in
      let columns = line.split(separator: " ")
      guard columns.count == 3, columns[0].hasPrefix("0x") else { return nil }
      return MapEntry(reference: String(columns[0]), key: String(columns[1]), value: String(columns[2]))
    }
  }

  /// `show ssl crt-list -n`: `path:line [options] filters`; the number after the path is not part of it.
  package static func certificates(_ text: String) -> [(entry: String, path: String, filters: [String])] {
    text.split(separator: "\n").compactMap { line in
      guard !line.hasPrefix("#"), let entry = line.split(separator: " ").first, let colon = entry.lastIndex(of: ":")
      else { return nil }
      let rest = line.firstIndex(of: "]").map { line[line.index(after: $0)...] } ?? line.dropFirst(entry.count)
      return (String(entry), String(entry[..<colon]), rest.split(separator: " ").map(String.init))
    }
  }
}
