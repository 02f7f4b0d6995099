import Testing

@testable import ClusterModel

@Suite struct SharedTextTests {
  /// Where the bytes of a long text are.
  private func place(_ text: String) -> UnsafeRawPointer? {
    var text = text
    return text.withUTF8 { UnsafeRawPointer($0.baseAddress) }
  }

  @Test func equalTextsBecomeOne() {
    var texts = SharedText()
    let first = texts.shared(String(repeating: "n", count: 40))
    let copy = String(repeating: "n", count: 40)
    #expect(place(first) != place(copy))
    #expect(texts.shared(copy) == first && place(texts.shared(copy)) == place(first))
    #expect(texts.shared("short") == "short")
  }

  @Test func theirNumberIsLimited() {
    var texts = SharedText()
    let first = texts.shared("a text longer than fifteen bytes")
    for number in 0..<(1 << 14) { _ = texts.shared("another long text, number \(number)") }
    // What is in use stays as it is; the next equal one is a new beginning.
    #expect(texts.shared("a text longer than fifteen bytes") == first)
  }
}
