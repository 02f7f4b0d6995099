package import Addressing

extension EndpointSlice {
  /// A backend and its conditions (Endpoint of discovery/v1), of which the zone and the target are not kept: nobody here
  /// asks for them.
  ///
  /// Of a large cluster these are most of what an agent keeps, a hundred thousand of them: 48 bytes each, and a block of
  /// their own only for those with anything unusual.
  package struct Endpoint: Hashable, Sendable {
    /// What few endpoints have. Never changed in place: endpoints that are copied share it.
    private final class Rarities: Hashable, Sendable {
      let otherAddresses: [IPAddress]
      let hostname: String?
      let hintedZones: Set<String>
      let hintedNodes: Set<String>

      init?(_ otherAddresses: [IPAddress], _ hostname: String?, _ hintedZones: Set<String>, _ hintedNodes: Set<String>)
      {
        if otherAddresses.isEmpty, hostname == nil, hintedZones.isEmpty, hintedNodes.isEmpty { return nil }
        self.otherAddresses = otherAddresses
        self.hostname = hostname
        self.hintedZones = hintedZones
        self.hintedNodes = hintedNodes
      }

      static func == (left: Rarities, right: Rarities) -> Bool {
        left === right
          || left.otherAddresses == right.otherAddresses && left.hostname == right.hostname
            && left.hintedZones == right.hintedZones && left.hintedNodes == right.hintedNodes
      }

      func hash(into hasher: inout Hasher) {
        hasher.combine(otherAddresses)
        hasher.combine(hostname)
        hasher.combine(hintedZones)
        hasher.combine(hintedNodes)
      }
    }

    /// The first of its addresses, the only one that proxies use (EndpointSlice API).
    package var address: IPAddress
    /// `conditions.ready`, nil counting as true.
    package var isReady = true
    /// `conditions.serving`, nil counting as ready.
    package var isServing = true
    package var isTerminating = false
    private var rarities: Rarities?
    package var node: String?

    package init(_ address: IPAddress, others: [IPAddress] = []) {
      self.address = address
      rarities = Rarities(others, nil, [], [])
    }

    package var otherAddresses: [IPAddress] { rarities?.otherAddresses ?? [] }

    package var hostname: String? {
      get { rarities?.hostname }
      set { rarities = Rarities(otherAddresses, newValue, hintedZones, hintedNodes) }
    }

    /// `hints.forZones[].name` and `hints.forNodes[].name`: whose clients should use this endpoint (KEP-2433, KEP-4444).
    /// Empty for no hint.
    package var hintedZones: Set<String> {
      get { rarities?.hintedZones ?? [] }
      set { rarities = Rarities(otherAddresses, hostname, newValue, hintedNodes) }
    }

    package var hintedNodes: Set<String> {
      get { rarities?.hintedNodes ?? [] }
      set { rarities = Rarities(otherAddresses, hostname, hintedZones, newValue) }
    }
  }
}
