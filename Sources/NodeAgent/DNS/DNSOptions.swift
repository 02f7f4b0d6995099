package import Addressing
package import ClusterDNS
package import Linux

/// What a name server is told on the command line, of an agent's or of `swiftlet dns`.
package struct DNSOptions: Sendable {
  /// A Corefile that says what is done with which names.
  package var corefile: String?
  /// Search lists of pods are answered at once.
  package var completesSearches = true
  /// Of how many questions one is logged; 0 for none.
  package var logSampling = 0
  /// Threads that answer.
  package var workers = 2
  /// Pods' names are answered: disabled, insecure, verified.
  package var podRecords = PodRecords.insecure
  package var ttl: UInt32 = 5
  /// DNS over TLS.
  package var tls: DNSServer.TLS?
  /// Answers a second that one client may have; 0 for no limit.
  package var rateLimit = 0
  /// Who may have the zone.
  package var transferTo: [Prefix] = []

  package static let options: [CommandLineOptions.Option] = [
    .init("corefile", "FILE", "a CoreDNS Corefile: server blocks, forwarding, caching, rewriting (docs/dns.md)"),
    .init(
      "dns-no-search-answers", nil, "do not answer the first name of a pod's search list with what the last would find"),
    .init("dns-log", "N", "log one of N questions, with the names of pods (0, none)"),
    .init("dns-threads", "N", "threads that answer questions (2)"),
    .init("dns-pods", "MODE", "names of pods: disabled, insecure or verified (insecure)"),
    .init("dns-ttl", "SECONDS", "how long answers about the cluster may be kept, 0 to 3600 (5)"),
    .init("dns-tls-certificate", "FILE", "serve DNS over TLS at port 853 with this certificate chain (PEM)"),
    .init("dns-tls-key", "FILE", "the certificate's key (PEM)"),
    .init("dns-https-port", "PORT", "serve DNS over HTTPS at this port too, path /dns-query (none)"),
    .init("dns-rate-limit", "N", "answers a second that one client may have (0, no limit)"),
    .init("dns-transfer-to", "PREFIX", "who may have the cluster's zone (AXFR); may be repeated"),
  ]

  package init() {}

  package init(_ options: CommandLineOptions) throws(UsageError) {
    func number(_ name: String, _ usual: Int, _ range: ClosedRange<Int>) throws(UsageError) -> Int {
      guard let text = options[name] else { return usual }
      guard let number = Int(text), range.contains(number) else {
        throw UsageError("option --\(name): found \"\(text)\", expected \(range.lowerBound) to \(range.upperBound)")
      }
      return number
    }
    corefile = options["corefile"]
    completesSearches = !options.has("dns-no-search-answers")
    logSampling = try number("dns-log", 0, 0...1_000_000)
    workers = try number("dns-threads", workers, 1...256)
    ttl = UInt32(try number("dns-ttl", 5, 0...3600))
    rateLimit = try number("dns-rate-limit", 0, 0...1_000_000)
    if let mode = options["dns-pods"] {
      guard let records = PodRecords(rawValue: mode) else {
        throw UsageError("option --dns-pods: found \"\(mode)\", expected disabled, insecure or verified")
      }
      podRecords = records
    }
    switch (options["dns-tls-certificate"], options["dns-tls-key"]) {
    case (nil, nil):
      if options.has("dns-https-port") {
        throw UsageError("option --dns-https-port needs --dns-tls-certificate and --dns-tls-key")
      }
    case (let certificate?, let key?):
      tls = DNSServer.TLS(
        httpsPort: options.has("dns-https-port") ? UInt16(try number("dns-https-port", 443, 1...65535)) : nil,
        certificate: certificate, key: key)
    default: throw UsageError("options --dns-tls-certificate and --dns-tls-key go together")
    }
    for text in options.all("dns-transfer-to") {
      do { transferTo.append(try Prefix(parsing: text)) } catch {
        throw UsageError("option --dns-transfer-to: \(error)")
      }
    }
  }

  /// How pods' search lists are answered at once; nil where that is switched off. `pod` names the pod that has an address,
  /// `namespace/name`.
  func completion(_ pod: @escaping @Sendable (IPAddress) -> String?) -> SearchCompletion? {
    guard completesSearches else { return nil }
    return SearchCompletion { address in pod(address)?.split(separator: "/").first.map(String.init) }
  }

  /// What a server is told by these.
  func apply(to configuration: inout DNSServer.Configuration) {
    configuration.workers = workers
    configuration.podRecords = podRecords
    configuration.ttl = ttl
    configuration.tls = tls
    configuration.answersPerSecond = rateLimit
    configuration.transferTo = transferTo
    configuration.logSampling = logSampling
    configuration.detectsLoops = true
  }
}
