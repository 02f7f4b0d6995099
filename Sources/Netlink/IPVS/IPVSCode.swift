/// Numbers of linux/ip_vs.h, whose enumerations have no names.
enum IPVSCode {
  enum Command: UInt8 {
    case newService = 1, setService, deleteService, getService
    case newDestination, setDestination, deleteDestination, getDestination
  }

  // IPVS_CMD_ATTR_…
  static let service = 1
  static let destination = 2

  /// IPVS_SVC_ATTR_…
  enum Service {
    static let family = 1
    static let transport = 2
    static let address = 3
    static let port = 4
    static let scheduler = 6
    static let flags = 7
    static let timeout = 8
    static let netmask = 9
    static let statistics = 12
  }

  /// IPVS_DEST_ATTR_…
  enum Destination {
    static let address = 1
    static let port = 2
    static let method = 3
    static let weight = 4
    static let upperThreshold = 5
    static let lowerThreshold = 6
    static let active = 7
    static let inactive = 8
    static let family = 11
    static let statistics = 12
  }

  /// IPVS_STATS_ATTR_…
  enum Statistics {
    static let connections = 1
  }

  /// IP_VS_CONN_F_MASQ: the destination's address and port are translated.
  static let masquerading: UInt32 = 0
}
