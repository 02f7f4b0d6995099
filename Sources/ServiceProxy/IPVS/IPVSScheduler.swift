/// How IPVS chooses among the endpoints of a Service; all weigh the same.
package enum IPVSScheduler: String, Hashable, Sendable, CaseIterable {
  /// In turn; the same with weights.
  case rr, wrr
  /// The fewest connections; the same with weights.
  case lc, wlc
  /// By a hash of the client's address; of the destination's; consistently of the client's address and port.
  case sh, dh, mh
  /// The shortest expected delay; the same, but one without connections first.
  case sed, nq

  /// IP_VS_SVC_F_SCHED2 for `mh`: the client's port counts too.
  var flags: UInt32 { self == .mh ? 0x10 : 0 }
}

/// This machine cannot do what the chosen back end needs.
package struct ServiceBackendError: Error, Hashable, Sendable, CustomStringConvertible {
  package let description: String
}
