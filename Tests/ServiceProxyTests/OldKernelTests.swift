import Glibc
import ServiceProxy
import Testing

/// The table of semantics under the oldest kernel it is proven with, Debian's 6.1, in qemu; elsewhere it runs anyhow.
@Suite(.serialized) struct OldServicesKernelTests {
  static let isOld: Bool = {
    var name = utsname()
    uname(&name)
    let release = withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return release.hasPrefix("6.1.")
  }()

  @Test(.enabled(if: isOld, "this kernel is not the old one; the suite runs in qemu"), arguments: TestBackend.all)
  func everyRow(_ backend: TestBackend) throws { try SemanticsKernelTests.check(backend) }
}
