/// How pods are connected with their node: `wiring` of the plugin's configuration.
package enum WiringMode: String, Hashable, Sendable, CaseIterable {
  /// A port of the bridge each; pods hold /32 and /128 addresses and reach everything, each other too, through the gateway,
  /// so that the node's rules see all they send.
  case bridge
  /// A port of the bridge each, and the classic shared prefix: pods of a node reach each other directly. The node's rules
  /// see that because the bridge passes it to them (br_netfilter, for this bridge alone).
  case sharedBridge = "bridge-shared"
  /// No port: a host route to each pod's link, and a gateway of link-local scope that is the same in every pod.
  case routed

  package var isBridged: Bool { self != .routed }
}
