internal import Addressing

extension Responder {
  /// SRV records (RFC 2782), and the addresses of their targets as far as there is room.
  func write(
    _ service: ServiceRecords, _ targets: Range<Int>, _ owner: UInt16, _ turn: Int, _ writer: inout ResponseWriter
  ) {
    // Targets whose addresses are added: the place of their names and their hosts. What is additional may be left out,
    // so that a few places on the stack will do.
    var places: [32 of (offset: UInt16, host: Int32)] = .init(repeating: (0, 0))
    var placed = 0
    for step in 0..<targets.count {
      let target = service.targets[targets.lowerBound + (step + turn % targets.count) % targets.count]
      let data = writer.record(owner: owner, .srv, ttl: ttl) { writer in
        writer.append16(0)
        writer.append16(100)
        writer.append16(target.port)
        Self.append(target.host, of: service, compressed: false, &writer)
      }
      guard let data else { return }
      guard placed < 32, data + 6 < 0x4000 else { continue }
      var isKnown = false
      for index in 0..<placed where places[index].host == target.host { isKnown = true }
      if isKnown { continue }
      places[placed] = (UInt16(data + 6), target.host)
      placed += 1
    }
    writer.begin(section: .additional)
    for index in 0..<placed {
      let owner = 0xC000 | places[index].offset
      let host = places[index].host
      let addresses = host < 0 ? service.addresses[...] : service.addresses(of: Int(host))
      for index in addresses.indices { writer.address(owner: owner, addresses[index], ttl: ttl) }
    }
  }

  /// The name of a Service's host, or (-1) its own.
  static func append(
    _ host: Int32, of service: ServiceRecords, compressed: Bool = true, _ writer: inout ResponseWriter
  ) {
    if host < 0 { return writer.append(name: service.name, compressed: compressed) }
    service.withLabel(service.hosts[Int(host)].label) {
      writer.append(label: $0, below: service.name, compressed: compressed)
    }
  }

  /// ANY is answered with one HINFO record (RFC 8482 section 4.2).
  func writeAny(_ owner: UInt16, _ writer: inout ResponseWriter) {
    writer.record(owner: owner, .hinfo, ttl: ttl) {
      $0.append(text: "RFC8482")
      $0.append8(0)
    }
  }

  /// The SOA record of a reverse zone in the authority section.
  func writeReverseStart(_ name: NameView, _ writer: inout ResponseWriter) {
    writer.begin(section: .authority)
    writeStart(owner: name.end(name.labelCount - ReverseName.apexLabels), zone, &writer)
  }

  /// The SOA record: its TTL and minimum bound how long a negative answer is kept (RFC 2308).
  func writeStart(of name: DomainName, _ zone: ClusterZone?, serial: UInt32? = nil, _ writer: inout ResponseWriter) {
    name.wire.withUnsafeBufferPointer { writeStart(owner: $0, zone, serial: serial, &writer) }
  }

  func writeStart(
    owner: UnsafeBufferPointer<UInt8>, _ zone: ClusterZone?, serial: UInt32? = nil, _ writer: inout ResponseWriter
  ) {
    let server = zone?.nameServer ?? .nameServer
    let mailbox = zone?.mailbox ?? .mailbox
    let serial = serial ?? zone?.serial ?? 1
    writer.record(owner: owner, .soa, ttl: min(ttl, 300)) {
      $0.append(name: server)
      $0.append(name: mailbox)
      $0.append32(serial)
      $0.append32(7200)
      $0.append32(1800)
      $0.append32(86400)
      $0.append32(ttl)
    }
  }
}
