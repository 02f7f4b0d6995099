import Kubernetes
import Linux

extension HTTPTransport.Options {
  /// How a long-running command of ours speaks to an API server: it says who it is, as audit logs and flow schemas want, and
  /// logs what it cannot read of its own credentials.
  static func of(_ component: String, version: String) -> HTTPTransport.Options {
    var options = HTTPTransport.Options()
    options.userAgent = "\(component)/\(version)"
    let log = Log("credentials")
    options.onCredentialError = { error in log.warning("\(error); what was known goes on being used") }
    return options
  }
}
