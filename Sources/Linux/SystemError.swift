internal import Glibc

/// A system call that failed: the call, what it was applied to, and errno.
package struct SystemError: Error, Hashable, CustomStringConvertible {
  /// The errno value, such as `ENOENT`.
  package let code: CInt
  /// The call and its object in a few words: `open /run/swiftlet/x`.
  package let operation: String

  package init(_ operation: String, code: CInt = errno) {
    self.code = code
    self.operation = operation
  }

  package var description: String { "\(operation): \(String(cString: strerror(code)))" }
}

/// Calls until the call is not interrupted by a signal, and throws its errno if it fails with -1. The calls of CLinux,
/// which answer -errno, go through `checkedResult`.
@discardableResult
package func check<Result: FixedWidthInteger & SignedInteger>(
  _ operation: @autoclosure () -> String, _ call: () -> Result
) throws(SystemError) -> Result {
  while true {
    let result = call()
    if result != -1 { return result }
    let code = errno
    if code != EINTR { throw SystemError(operation(), code: code) }
  }
}

/// The result of a CLinux call, which answers -errno on failure.
@discardableResult
package func checkedResult(_ operation: @autoclosure () -> String, _ result: CInt) throws(SystemError) -> CInt {
  if result < 0 { throw SystemError(operation(), code: -result) }
  return result
}
