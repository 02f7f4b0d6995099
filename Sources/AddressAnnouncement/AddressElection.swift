package import Addressing
internal import JSON
package import Kubernetes
internal import Linux

/// Elects the node that announces an address: a Lease an address, watched by all nodes and renewed by its holder.
package final class AddressElection: Sendable {
  package struct Options: Sendable {
    /// The node's name.
    package var identity: String
    /// Where the Leases are.
    package var namespace: String
    package var timing = AddressClaims.Timing()
    package var onError: @Sendable (any Error) -> Void = { _ in }

    package init(identity: String, namespace: String = "swiftlet-leases") {
      self.identity = identity
      self.namespace = namespace
    }
  }

  /// On every Lease of this kind; its value is always `true`.
  static let label = "swiftlet.dev/announced-address"
  /// The address, since a Lease's name cannot hold one of IPv6.
  static let annotation = "swiftlet.dev/address"

  private struct State {
    var claims: AddressClaims
    var isStopped = false
  }

  private let client: APIClient
  private let options: Options
  private let onChange: @Sendable ([IPAddress: Double]) -> Void
  private let state: Monitor<State>
  private let leases = ObjectCache(.leases)
  private let ended = Gate()

  /// `onChange` gets the addresses this node announces, and until when in `Time.bootSeconds`; on the election's thread,
  /// whenever that changes. Nothing happens before `start`.
  package init(
    _ transport: any APITransport, _ options: Options, onChange: @escaping @Sendable ([IPAddress: Double]) -> Void
  ) {
    client = APIClient(transport, fieldManager: "swiftlet-announcing")
    self.options = options
    self.onChange = onChange
    state = Monitor(State(claims: AddressClaims(identity: options.identity, timing: options.timing)))
  }

  /// Starts the watch and the thread. Call it once.
  package func start() {
    leases.observe { [weak self] old, new in
      guard let self, let lease = new ?? old,
        let address = lease.annotations[Self.annotation].flatMap({ IPAddress($0) })
      else { return }
      state.withLock { $0.claims.see(address, new, now: Time.bootSeconds) }
      state.wakeAll()
    }
    var informer = Informer.Options()
    informer.onError = { [options] error in
      if (error as? TransportError)?.reason != .cancelled { options.onError(error) }
    }
    leases.start(
      client, ListOptions(namespace: options.namespace, labelSelector: "\(Self.label)=true"), options: informer)
    _ = Thread("address-election") { [self] in
      run()
      ended.open()
    }
  }

  /// Ends; with `releasing` every address is given back first, so that others need not wait. Waits for that.
  package func stop(releasing: Bool = true) {
    state.withLock { state in
      state.isStopped = true
      if releasing { state.claims.leave() }
    }
    state.wakeAll()
    ended.wait(timeout: .infinity)
    leases.stop()
    leases.waitUntilEnded()
  }

  /// The node's places in the orders of candidates for addresses: nil where it may not announce one. The first call names
  /// every address that a Service has; nothing is given back or removed before it.
  package func want(_ places: [(rank: Int?, isUnused: Bool, address: IPAddress)]) {
    state.withLock { state in
      guard !state.isStopped else { return }
      state.claims.know()
      for place in places {
        state.claims.want(place.address, rank: place.rank, isUnused: place.isUnused, now: Time.bootSeconds)
      }
    }
    state.wakeAll()
  }

  private func run() {
    // What is not known cannot be decided: a Lease that is there looks like none.
    while !leases.waitUntilSynced(timeout: 0.2) { if state.withLock({ $0.isStopped }) { return } }
    var told: [IPAddress: Double] = [:]
    while true {
      let (steps, held, next, isStopped) = state.withLock { state in
        let (steps, next) = state.claims.due(Time.bootSeconds)
        return (steps, state.claims.held, next, state.isStopped)
      }
      // Silence comes before an address is given back.
      tell(held, &told)
      let doable = isStopped ? steps.filter { if case .release = $0 { true } else { false } } : steps
      for step in doable {
        perform(step)
        tell(state.withLock { $0.claims.held }, &told)
      }
      if isStopped { return tell([:], &told) }
      if steps.isEmpty {
        _ = state.wait(timeout: min(max(next - Time.bootSeconds, 0.001), 3600)) { state -> Bool? in
          let (steps, soonest) = state.claims.due(Time.bootSeconds)
          return !steps.isEmpty || soonest < next || state.isStopped || state.claims.held.keys.count != told.count
            ? true : nil
        }
      }
    }
  }

  private func tell(_ held: [IPAddress: Double], _ told: inout [IPAddress: Double]) {
    guard held != told else { return }
    told = held
    onChange(held)
  }

  private func perform(_ step: AddressClaims.Step) {
    switch step {
    case .claim(let address): claim(address)
    case .release(let isUnused, let address): release(address, isUnused: isUnused)
    case .collect(let address): collect(address)
    }
  }

  /// `swiftlet-announce-` and the address in a form that names may have.
  static func name(_ address: IPAddress) -> String {
    guard address.family == .v6 else { return "swiftlet-announce-\(address)" }
    let groups = stride(from: 0, to: 16, by: 2).map { index in
      String(UInt16(address.bytes[index]) << 8 | UInt16(address.bytes[index + 1]), radix: 16)
    }
    return "swiftlet-announce-" + groups.joined(separator: "-")
  }

  private func claim(_ address: IPAddress) {
    let began = Time.bootSeconds
    let (record, seen) = state.withLock { state in
      (state.claims.record(claiming: address, wallClock: .now()), state.claims.seen(address))
    }
    do {
      let lease = try write(record, address, seen)
      state.withLock { _ = $0.claims.claimed(address, lease, began: began, now: Time.bootSeconds) }
    } catch {
      failed(address, error)
    }
  }

  private func write(_ record: LeaseRecord, _ address: IPAddress, _ seen: AddressClaims.Seen?) throws
    -> KubernetesObject
  {
    var lease = KubernetesObject(.leases, namespace: options.namespace, name: Self.name(address))
    lease.labels = [Self.label: "true"]
    lease.annotations = [Self.annotation: "\(address)"]
    record.write(to: &lease.spec)
    guard let seen else { return try client.create(.leases, lease) }
    lease.json["metadata", "resourceVersion"] = .string(seen.resourceVersion)
    return try client.update(.leases, lease)
  }

  private func release(_ address: IPAddress, isUnused: Bool) {
    guard let seen = state.withLock({ $0.claims.seen(address) }), seen.record.holder == options.identity else {
      return state.withLock { $0.claims.released(address, nil, now: Time.bootSeconds) }
    }
    do {
      if isUnused {
        try client.delete(.leases, namespace: options.namespace, name: Self.name(address), .init(uid: seen.uid))
        return state.withLock { $0.claims.released(address, nil, now: Time.bootSeconds) }
      }
      var record = seen.record
      record.holder = ""
      record.duration = 1
      let lease = try write(record, address, seen)
      state.withLock { $0.claims.released(address, lease, now: Time.bootSeconds) }
    } catch {
      failed(address, error)
    }
  }

  /// Removes a Lease that has not changed since it was last seen.
  private func collect(_ address: IPAddress) {
    guard let seen = state.withLock({ $0.claims.seen(address) }) else { return }
    do {
      try client.delete(
        .leases, namespace: options.namespace, name: Self.name(address),
        .init(uid: seen.uid, resourceVersion: seen.resourceVersion))
      state.withLock { $0.claims.released(address, nil, now: Time.bootSeconds) }
    } catch {
      failed(address, error)
    }
  }

  /// The watch tells what the Lease is instead.
  private func failed(_ address: IPAddress, _ error: any Error) {
    state.withLock { $0.claims.failed(address, now: Time.bootSeconds) }
    if let status = error as? APIStatus, status.isConflict || status.isAlreadyExists || status.isNotFound { return }
    options.onError(error)
  }
}
