package import Addressing

extension LeaseStore {
  /// The pod that holds an address, as `namespace/name`; nil where nobody does, or it is not known who. What the files say
  /// now: an address that was given to another pod a moment ago is that one's.
  package func pod(at address: IPAddress) -> String? {
    guard let holder = holder(of: address) else { return nil }
    return (try? index.record(of: holder))?.pod
  }
}
