/// One expression of a rule, as the kernel has it, with its registers. Registers are 32-bit words, 0 to 15; a value lies
/// in as many words in a row as it needs. Rules are written as `NFStatement`s, which choose the registers.
package enum NFExpression: Hashable, Sendable {
  package enum Comparison: UInt32, Hashable, Sendable {
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
  }
  package enum DynamicOperation: UInt32, Hashable, Sendable {
    case add, update, delete
  }

  case load(NFField, register: Int)
  /// Writes a register to the packet's mark (NFT_META_MARK).
  case setMetaMark(register: Int)
  /// Writes a register to the connection's mark.
  case setConnectionMark(register: Int)
  case compare(register: Int, Comparison, [UInt8])
  /// Inclusive at both ends.
  case range(register: Int, inverted: Bool, [UInt8], [UInt8])
  /// `(register & mask) ^ xor`.
  case bitwise(register: Int, mask: [UInt8], xor: [UInt8])
  /// `setID` names a set made in the same batch that has no name of its own yet. `result` is where a map's data goes.
  case lookup(set: String, setID: UInt32?, register: Int, result: LookupResult, inverted: Bool)
  case constant([UInt8], register: Int)
  case verdict(NFVerdict)
  case nat(NATKind, family: NFFamily, address: Int?, port: Int?, flags: UInt32)
  case masquerade(flags: UInt32)
  case redirect(port: Int?)
  /// NFT_REJECT_… type and code.
  case reject(type: UInt32, code: UInt8)
  case counter
  case log(group: UInt16?, prefix: String?)
  case notrack
  /// Packets a second, or another unit in seconds.
  case limit(rate: UInt64, unit: UInt64, burst: UInt32, inverted: Bool)
  /// `timeout` in milliseconds.
  case dynamicSet(
    DynamicOperation, set: String, key: Int, data: Int?, timeout: UInt64?)

  package enum LookupResult: Hashable, Sendable {
    /// Membership only.
    case none
    /// A verdict map: its verdict is executed.
    case verdict
    case register(Int)
  }
  package enum NATKind: UInt32, Hashable, Sendable {
    case source = 0
    case destination = 1
  }
}
