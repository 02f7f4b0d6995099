internal import Linux
internal import Synchronization

/// Looks now and then whether the server's certificate will expire within a month, and makes a new one then; a certificate
/// that somebody else put into the folder, signed by the same authority, is taken up too.
final class CertificateRenewal: Sendable {
  private let current: Mutex<TLSIdentity>
  private let names: [String]
  private let interval: Double
  private let replace: @Sendable (_ old: TLSIdentity, _ new: TLSIdentity) throws -> Void
  private let stopping = Gate()
  private let thread = Mutex<Linux.Thread?>(nil)
  private let log = Log("certificates")

  /// `replace` is called on the renewal's thread.
  init(
    _ current: TLSIdentity, names: [String], interval: Double,
    replace: @escaping @Sendable (_ old: TLSIdentity, _ new: TLSIdentity) throws -> Void
  ) {
    self.current = Mutex(current)
    self.names = names
    self.interval = interval
    self.replace = replace
  }

  func start(_ folder: String) {
    thread.withLock { thread in
      thread = Thread("certificates") { [self] in
        while !stopping.wait(timeout: interval) { look(folder) }
      }
    }
  }

  private func look(_ folder: String) {
    do {
      let new = try PKI(folder: folder, serverNames: names).serving
      let old = current.withLock { $0 }
      guard new.certificate != old.certificate else { return }
      try replace(old, new)
      current.withLock { $0 = new }
      log.info("\(folder)/server.crt is new and is shown to whoever connects from now on")
    } catch {
      log.error("\(folder): \(error); the certificate stays as it is")
    }
  }

  func stop() {
    stopping.open()
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
  }
}
