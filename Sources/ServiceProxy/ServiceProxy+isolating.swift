internal import ClusterModel
internal import Glibc
internal import Netlink

/// A Service that the kernel refuses affects itself only: the transaction that fails is halved until the one at fault is
/// alone. That one is left out, and named, until it changes.
extension ServiceProxy.Core {
  typealias Wanted = [(id: NamespacedName, service: CompiledService?)]

  /// Puts Services into place; nil removes one.
  mutating func program(_ wanted: Wanted) throws {
    do { try apply(take(wanted)) } catch {
      guard Self.mayBeOfAnEntry(error) else { throw error }
      try isolate(wanted, error)
    }
  }

  /// Everything is in the state already, and could not be written.
  mutating func isolate(_ wanted: Wanted, _ error: any Error) throws {
    // If it fails without them too, it is none of them.
    _ = take(wanted.map { ($0.id, nil) })
    do { try repair() } catch { throw error }
    try add(wanted[...], error)
  }

  private mutating func add(_ wanted: Wanted.SubSequence, _ error: any Error) throws {
    if wanted.count == 1, let id = wanted.first?.id {
      refused[id] = "\(error)"
      return
    }
    let middle = wanted.startIndex + wanted.count / 2
    for half in [wanted[..<middle], wanted[middle...]] where !half.isEmpty {
      do { try apply(take(Array(half))) } catch {
        guard Self.mayBeOfAnEntry(error) else { throw error }
        _ = take(half.map { ($0.id, nil) })
        try repair()
        try add(half, error)
      }
    }
  }

  private mutating func take(_ wanted: Wanted) -> ServiceChanges {
    var changes = ServiceChanges()
    for (id, service) in wanted {
      if !refused.isEmpty { refused[id] = nil }
      model.state.update(id, to: service, &changes)
    }
    return changes
  }

  /// Want of memory, of buffers, of a lock or of permission is nobody's fault: that is tried again as a whole.
  private static func mayBeOfAnEntry(_ error: any Error) -> Bool {
    let passing = [ENOMEM, ENOBUFS, EINTR, EAGAIN, EBUSY, EPERM, EACCES, EOPNOTSUPP, ENOSYS, EPROTO]
    return switch error {
    case let error as NFTablesError: !passing.contains(error.code)
    case let error as NetlinkError: !passing.contains(error.code)
    case let error as IPTablesError: error.isRefusal
    default: false
    }
  }
}
