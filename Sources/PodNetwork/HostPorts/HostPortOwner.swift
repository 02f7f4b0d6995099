/// Whose a host port is: an attachment of a network. The comment of each element of the table tells it, so that a late
/// DEL of one container never removes what another has by now.
package struct HostPortOwner: Hashable, Sendable {
  /// Words without spaces.
  package let network: String
  package let containerID: String
  package let interfaceName: String
  /// `namespace/name` of the pod, for people.
  package let pod: String?

  package init(network: String, _ attachment: NetworkConfiguration.Attachment, pod: String? = nil) {
    self.network = Self.shortened(network, to: 24)
    containerID = Self.shortened(attachment.containerID, to: 64)
    interfaceName = attachment.interfaceName
    self.pod = pod
  }

  /// Reads a comment back; nil for one that is none of ours.
  package init?(comment: String) {
    let words = comment.split(separator: " ").map(String.init)
    guard words.count >= 3 else { return nil }
    network = words[0]
    containerID = words[1]
    interfaceName = words[2]
    pod = words.count > 3 ? words[3] : nil
  }

  /// At most 127 bytes, which is what an element may have.
  package var comment: String {
    let words = [network, containerID, interfaceName] + [pod].compactMap(\.self)
    return String(decoding: words.joined(separator: " ").utf8.prefix(127), as: UTF8.self)
  }

  /// Whether both are the same attachment; the pod's name does not count.
  package func isSame(as other: HostPortOwner) -> Bool {
    containerID == other.containerID && interfaceName == other.interfaceName && network == other.network
  }

  /// For errors: `pod default/web (container 1234567890ab)`.
  package var described: String {
    let container = "container \(containerID.prefix(12))"
    return pod.map { "pod \($0) (\(container))" } ?? container
  }

  /// Names are given any length; a long one is replaced by its hash.
  private static func shortened(_ text: String, to length: Int) -> String {
    if text.utf8.count <= length { return text }
    let digits = String(
      text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }, radix: 16)
    return "#" + String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}
