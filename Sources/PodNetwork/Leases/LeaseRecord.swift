package import Addressing

/// What we note of an attachment's leases beside host-local's files, to find them without reading every file and to know
/// what host-local does not write down: the boot they belong to, and the pod.
package struct LeaseRecord: Hashable, Sendable {
  package typealias Attachment = NetworkConfiguration.Attachment

  package let attachment: Attachment
  /// The first digits of the boot's identity.
  package let boot: String
  /// `namespace/name`; nil if the runtime did not say.
  package let pod: String?
  package let addresses: [IPAddress]

  init(_ attachment: Attachment, boot: String, pod: String?, addresses: [IPAddress]) {
    self.attachment = attachment
    self.boot = boot
    self.pod = pod
    self.addresses = addresses
  }

  /// The name of the record: neither part may hold a colon.
  static func key(_ attachment: Attachment) -> String { "\(attachment.containerID):\(attachment.interfaceName)" }

  /// Words: key, boot, pod, addresses.
  var text: String {
    ([Self.key(attachment), boot, pod ?? "-"] + addresses.map(\.description)).joined(separator: " ")
  }

  /// Nil for a text that is none.
  init?(_ text: String) {
    let words = text.split(separator: " ").map(String.init)
    guard words.count >= 3, let colon = words[0].lastIndex(of: ":") else { return nil }
    attachment = Attachment(
      containerID: String(words[0][..<colon]), interfaceName: String(words[0][words[0].index(after: colon)...]))
    boot = words[1]
    pod = words[2] == "-" ? nil : words[2]
    var addresses: [IPAddress] = []
    for word in words[3...] {
      guard let address = IPAddress(word) else { return nil }
      addresses.append(address)
    }
    self.addresses = addresses
  }
}
