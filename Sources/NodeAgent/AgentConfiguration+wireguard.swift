internal import Linux

extension AgentConfiguration {
  /// `--wireguard-port` and `--wireguard-rotate`.
  mutating func readWireGuard(_ options: CommandLineOptions) throws(UsageError) {
    if let text = options["wireguard-port"] {
      guard let port = UInt16(text), port != 0 else {
        throw UsageError("option --wireguard-port: found \(text), expected 1 to 65535")
      }
      wireguardPort = port
    }
    guard let text = options["wireguard-rotate"] else { return }
    let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
    guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()), count > 0,
      case let (seconds, overflow) = count.multipliedReportingOverflow(by: unit), !overflow, seconds >= 60
    else {
      throw UsageError("option --wireguard-rotate: found \(text), expected at least a minute, such as 90m, 24h or 7d")
    }
    wireguardRotation = seconds
  }
}
