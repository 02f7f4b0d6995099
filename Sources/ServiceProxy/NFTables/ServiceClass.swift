/// What frontends of one kind share: chains that exist only while a frontend uses them. There are a few dozen at most,
/// however many Services there are.
package enum ServiceClass: Hashable, Sendable {
  /// A random slot of so many.
  case pick(Pick)
  /// Clients that keep their target: learns after translation who got whom.
  case affinity
  /// How long it is remembered; one chain a timeout in use.
  case learn(seconds: Int, isNodePort: Bool)
  /// Clients outside whose address the endpoint shall see.
  case keepSource

  package struct Pick: Hashable, Sendable {
    package var isNodePort = false
    /// The slots for clients outside, numbered from `ServicesLayout.outsideSlot`.
    package var isOutside = false
    package var isSticky = false
    /// Only sources of the Service's ranges; for addresses of load balancers.
    package var isRestricted = false
    package var slots: Int

    package init(slots: Int) { self.slots = slots }
  }
}

extension ServiceClass.Pick {
  /// `pick-3`, `nodeport-3-outside-sticky`, …
  var chainName: String {
    (isNodePort ? "nodeport-" : "pick-") + "\(slots)" + (isOutside ? "-outside" : "") + (isSticky ? "-sticky" : "")
      + (isRestricted ? "-ranges" : "")
  }

  /// Reads a chain's name back; nil for one that is none of ours.
  init?(chainName name: String) {
    let words = name.split(separator: "-", omittingEmptySubsequences: false)
    guard words.count >= 2, let slots = Int(words[1]), slots > 0 else { return nil }
    self.init(slots: slots)
    isNodePort = words[0] == "nodeport"
    isOutside = words.contains("outside")
    isSticky = words.contains("sticky")
    isRestricted = words.contains("ranges")
    if chainName != name { return nil }
  }
}

extension ServiceClass {
  static let affinityChain = "affinity"
  static let keepSourceChain = "keep-source"

  static func learnChain(seconds: Int, isNodePort: Bool) -> String {
    "learn-\(seconds)" + (isNodePort ? "-nodeport" : "")
  }

  /// The class that a chain belongs to, by its name; nil for a constant chain and for chains of others.
  init?(chainName name: String) {
    if let pick = Pick(chainName: name) {
      self = .pick(pick)
    } else if name == Self.affinityChain {
      self = .affinity
    } else if name == Self.keepSourceChain {
      self = .keepSource
    } else {
      let words = name.split(separator: "-")
      guard words.count >= 2, words[0] == "learn", let seconds = Int(words[1]) else { return nil }
      self = .learn(seconds: seconds, isNodePort: words.last == "nodeport")
      if Self.learnChain(seconds: seconds, isNodePort: words.last == "nodeport") != name { return nil }
    }
  }

  /// In an order that makes rules listings and tests the same every time.
  var order: String {
    switch self {
    case .pick(let pick): "3 " + pick.chainName
    case .affinity: "1"
    case .learn(let seconds, let isNodePort): "2 \(seconds) \(isNodePort)"
    case .keepSource: "0"
    }
  }
}
