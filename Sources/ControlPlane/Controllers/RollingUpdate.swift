internal import JSON

/// The numbers of a Deployment's rolling update. Pure.
struct RollingUpdate: Equatable {
  /// Pods that may exist above `spec.replicas` during an update.
  var maxSurge: Int
  /// Pods of `spec.replicas` that may be missing during an update.
  var maxUnavailable: Int

  init(maxSurge: Int, maxUnavailable: Int) {
    self.maxSurge = maxSurge
    self.maxUnavailable = maxUnavailable
  }

  /// From `spec.strategy` with the API's default of 25%: surge is rounded up, unavailability down; both cannot be 0.
  init(strategy: JSON, replicas: Int) {
    guard strategy["type"].string != "Recreate" else {
      self.init(maxSurge: 0, maxUnavailable: 0)
      return
    }
    let surge = Self.scaled(strategy["rollingUpdate", "maxSurge"], of: replicas, roundsUp: true)
    let unavailable = Self.scaled(strategy["rollingUpdate", "maxUnavailable"], of: replicas, roundsUp: false)
    self.init(maxSurge: surge, maxUnavailable: min(surge == 0 && unavailable == 0 ? 1 : unavailable, replicas))
  }

  /// An IntOrString of the API: a number, or a percentage of `total`. Absent counts as 25%.
  static func scaled(_ value: JSON, of total: Int, roundsUp: Bool, default fallback: String = "25%") -> Int {
    if let number = value.int { return max(0, number) }
    let text = value.string ?? fallback
    // No more than the API's own numbers have, so that sums stay within 64 bits.
    func number(_ text: Substring) -> Int? { Int(text).map { min(max($0, 0), Int(Int32.max)) } }
    guard text.hasSuffix("%"), let percent = number(text.dropLast()) else { return number(text[...]) ?? 0 }
    return max(0, (percent * total + (roundsUp ? 99 : 0)) / 100)
  }

  /// A ReplicaSet in the middle of an update.
  struct Member: Equatable {
    /// What its spec asks for.
    var replicas: Int
    /// Pods of it that are available.
    var available: Int
  }

  /// What the new ReplicaSet's spec should ask for next: as many as fit below replicas + maxSurge. `total` is what all
  /// ReplicaSets ask for together.
  func newReplicas(_ new: Int, total: Int, wanted: Int) -> Int {
    if new >= wanted { return wanted }
    let room = wanted + maxSurge - total
    return room <= 0 ? new : min(new + room, wanted)
  }

  /// What the old ReplicaSets, oldest first, should ask for next. Pods that are not available go first; then as many as
  /// the minimum of available pods leaves. `new` is the new ReplicaSet.
  func oldReplicas(_ old: [Member], new: Member, wanted: Int) -> [Int] {
    var next = old.map(\.replicas)
    let oldTotal = next.reduce(0, +)
    guard oldTotal > 0 else { return next }
    let minimum = wanted - maxUnavailable
    let newUnavailable = max(0, new.replicas - new.available)
    var surplus = oldTotal + new.replicas - minimum - newUnavailable
    guard surplus > 0 else { return next }
    for index in next.indices where surplus > 0 {
      let step = min(surplus, max(0, next[index] - old[index].available))
      next[index] -= step
      surplus -= step
    }
    let available = new.available + zip(old, next).map { min($0.available, $1) }.reduce(0, +)
    var expendable = available - minimum
    for index in next.indices where expendable > 0 {
      let step = min(expendable, next[index])
      next[index] -= step
      expendable -= step
    }
    return next
  }

  /// How a change of the Deployment's size in the middle of an update is shared out: in proportion to what each
  /// ReplicaSet has, the rest to the first. `members` are the sizes, largest first; `allowed` is what they may have in
  /// sum, `formerly` what they might have before the change.
  static func proportions(_ members: [Int], allowed: Int, formerly: Int) -> [Int] {
    let total = members.reduce(0, +)
    var left = allowed - total
    guard total > 0, left != 0 else { return members }
    var next = members
    for index in members.indices where left != 0 {
      let share =
        (Double(members[index]) * Double(allowed) / Double(max(1, formerly))).rounded() - Double(members[index])
      let step = left > 0 ? min(max(0, Int(share)), left) : max(min(0, Int(share)), left)
      next[index] = max(0, members[index] + step)
      left -= next[index] - members[index]
    }
    next[0] = max(0, next[0] + left)
    return next
  }
}
