package import Addressing
package import JSON

/// What ADD made (CNI 1.1.0, section 5 "Success").
package struct CNIResult: Hashable, Sendable {
  package struct Interface: Hashable, Sendable {
    package var name: String
    package var mac: MACAddress?
    package var mtu: Int?
    /// The path of the namespace it is in; empty is the node's.
    package var sandbox: String

    package init(name: String, mac: MACAddress?, mtu: Int? = nil, sandbox: String = "") {
      self.name = name
      self.mac = mac
      self.mtu = mtu
      self.sandbox = sandbox
    }
  }

  package struct Address: Hashable, Sendable {
    package var address: IPAddress
    package var prefixLength: Int
    package var gateway: IPAddress?
    /// Which of `interfaces` has it.
    package var interface: Int?

    package init(_ address: IPAddress, prefixLength: Int, gateway: IPAddress?, interface: Int?) {
      self.address = address
      self.prefixLength = prefixLength
      self.gateway = gateway
      self.interface = interface
    }
  }

  package struct Route: Hashable, Sendable {
    package var destination: Prefix
    package var gateway: IPAddress?

    package init(_ destination: Prefix, gateway: IPAddress?) {
      self.destination = destination
      self.gateway = gateway
    }
  }

  package var interfaces: [Interface]
  package var addresses: [Address]
  package var routes: [Route]
  package var dns: JSON

  package init(interfaces: [Interface], addresses: [Address], routes: [Route], dns: JSON = [:]) {
    self.interfaces = interfaces
    self.addresses = addresses
    self.routes = routes
    self.dns = dns
  }

  /// Reads a result of any version we speak.
  package init(_ json: JSON) throws(CNIError) {
    func wrong(_ field: String, _ found: JSON) -> CNIError {
      CNIError(.decoding, "result: \(field) is \(found), which is not what ADD returns")
    }
    interfaces = json["interfaces"].elements.map { item in
      Interface(
        name: item["name"].string ?? "", mac: item["mac"].string.flatMap { MACAddress($0) }, mtu: item["mtu"].int,
        sandbox: item["sandbox"].string ?? "")
    }
    addresses = []
    for item in json["ips"].elements {
      guard let (address, length) = try? Prefix.parseInterface(item["address"].string ?? "") else {
        throw wrong("ips[].address", item["address"])
      }
      addresses.append(
        Address(
          address, prefixLength: length, gateway: item["gateway"].string.flatMap { IPAddress($0) },
          interface: item["interface"].int))
    }
    routes = []
    for item in json["routes"].elements {
      guard let destination = item["dst"].string.flatMap({ Prefix($0) }) else {
        throw wrong("routes[].dst", item["dst"])
      }
      routes.append(Route(destination, gateway: item["gw"].string.flatMap { IPAddress($0) }))
    }
    dns = json["dns"]
  }

  /// The result as a version wants it: before 1.0.0 addresses name their family, from 1.1.0 on interfaces have an MTU.
  package func json(version: CNIVersion) -> JSON {
    var json: JSON = ["cniVersion": .string(version.rawValue)]
    json["interfaces"] = .array(
      interfaces.map { interface in
        var item: JSON = ["name": .string(interface.name)]
        if let mac = interface.mac { item["mac"] = .string("\(mac)") }
        if let mtu = interface.mtu, version >= .v1_1_0 { item["mtu"] = .int(Int64(mtu)) }
        if !interface.sandbox.isEmpty { item["sandbox"] = .string(interface.sandbox) }
        return item
      })
    json["ips"] = .array(
      addresses.map { address in
        var item: JSON = [:]
        if version < .v1_0_0 { item["version"] = address.address.family == .v4 ? "4" : "6" }
        if let interface = address.interface { item["interface"] = .int(Int64(interface)) }
        item["address"] = .string("\(address.address)/\(address.prefixLength)")
        if let gateway = address.gateway { item["gateway"] = .string("\(gateway)") }
        return item
      })
    json["routes"] = .array(
      routes.map { route in
        var item: JSON = ["dst": .string("\(route.destination)")]
        if let gateway = route.gateway { item["gw"] = .string("\(gateway)") }
        return item
      })
    json["dns"] = dns.isNull ? [:] : dns
    return json
  }
}
