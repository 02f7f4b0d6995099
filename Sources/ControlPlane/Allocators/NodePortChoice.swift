/// The node ports of one Service while they are chosen. Pure.
///
/// Within a Service one number may serve several protocols. Where two of its ports have the same port number and different
/// protocols, both get one node port.
struct NodePortChoice {
  let range: ClosedRange<Int>
  /// What the Service holds already.
  let mine: Set<Int>
  /// What any Service holds.
  private var taken: NumberSet
  /// Protocols by node port, and node port by port of the Service.
  private var given: [Int: Set<String>] = [:]
  private var byPort: [Int: Int] = [:]

  init(range: ClosedRange<Int>, mine: Set<Int>, taken: NumberSet) {
    self.range = range
    self.mine = mine
    self.taken = taken
  }

  /// A free port: from a random place of the upper band upwards, then of the lower.
  private var free: Int? {
    let lower = UInt128(range.lowerBound)
    let upper = UInt128(range.upperBound)
    let found = taken.anyFree(in: (lower + UInt128(NodePortAllocator.staticBand(range.count)))...upper)
    return (found ?? taken.firstFree(in: lower...upper)).map { Int($0) }
  }

  private mutating func take(_ number: Int, _ user: String) {
    given[number, default: []].insert(user)
    taken.insert(UInt128(number))
  }

  private func refusal(_ number: Int) -> String? {
    if mine.contains(number) { return nil }
    guard range.contains(number) else {
      return "provided port is not in the valid range. The range of valid ports is "
        + "\(range.lowerBound)-\(range.upperBound)"
    }
    return given[number] == nil && taken.contains(UInt128(number)) ? "provided port is already allocated" : nil
  }

  /// Takes a node port that is asked for; otherwise says why not.
  mutating func request(_ number: Int, port: Int, protocolName: String) -> String? {
    if let reason = refusal(number) { return reason }
    if given[number]?.contains(protocolName) == true { return "provided port is already allocated" }
    take(number, protocolName)
    byPort[port] = number
    return nil
  }

  /// Takes a node port for a port of the Service; nil if all are taken.
  mutating func give(port: Int, protocolName: String) -> Int? {
    if let shared = byPort[port], given[shared]?.insert(protocolName).inserted == true { return shared }
    guard let number = free else { return nil }
    take(number, protocolName)
    byPort[port] = number
    return number
  }

  /// Takes a health check port that is asked for, which shares its number with nothing; otherwise says why not.
  /// `had` is the one the Service has, or 0.
  mutating func requestHealthCheck(_ number: Int, had: Int) -> String? {
    if given[number] != nil || (number != had && mine.contains(number)) { return "provided port is already allocated" }
    if let reason = refusal(number) { return reason }
    take(number, "health check")
    return nil
  }

  mutating func giveHealthCheck() -> Int? {
    guard let number = free else { return nil }
    take(number, "health check")
    return number
  }
}
