internal import JSON

enum EndpointTable {
  /// The first three and how many there are beyond.
  private static func shortened(_ items: [String], _ none: String) -> JSON {
    if items.isEmpty { return .string(none) }
    let shown = items.prefix(3).joined(separator: ",")
    return .string(items.count > 3 ? "\(shown) + \(items.count - 3) more..." : shown)
  }

  static let endpoints = TablePrinter("Name Endpoints Age") { object, now in
    var items: [String] = []
    for subset in object["subsets"].elements {
      for address in subset["addresses"].elements {
        let ip = address["ip"].string ?? ""
        let host = ip.contains(":") ? "[\(ip)]" : ip
        let ports = subset["ports"].elements
        if ports.isEmpty { items.append(ip) }
        for port in ports { items.append("\(host):\(port["port"].int ?? 0)") }
      }
    }
    return [TablePrinters.name(object), shortened(items, "<none>"), TablePrinters.age(object, now)]
  }

  static let slices = TablePrinter("Name AddressType Ports Endpoints Age") { object, now in
    let ports = object["ports"].elements.map { port in port["port"].int.map(String.init) ?? "*" }
    let addresses = object["endpoints"].elements.flatMap { $0["addresses"].elements.compactMap(\.string) }
    return [
      TablePrinters.name(object), TablePrinters.text(object["addressType"]), shortened(ports, "<unset>"),
      shortened(addresses, "<unset>"), TablePrinters.age(object, now),
    ]
  }
}
