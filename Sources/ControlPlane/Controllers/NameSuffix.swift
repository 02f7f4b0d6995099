/// Short random and hashed parts of names, in the letters Kubernetes uses: without vowels and look-alikes, so that no
/// words come out.
enum NameSuffix {
  private static let letters = Array("bcdfghjklmnpqrstvwxz2456789")

  static func random(_ length: Int = 5) -> String {
    String((0..<length).map { _ in letters.randomElement()! })
  }

  /// FNV-1a of the text, written in the same letters.
  static func hash(_ text: String) -> String {
    var hash: UInt32 = 2_166_136_261
    for byte in text.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
    return String(String(hash).utf8.map { letters[Int($0 - 0x30)] })
  }

  /// A name that begins with `base` and stays within 63 characters with its random end.
  static func generate(_ base: String) -> String { String(base.prefix(63 - 5)) + random() }
}
