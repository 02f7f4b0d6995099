internal import Glibc
internal import Linux

extension LeaseStore {
  /// Takes back, once after each boot, the leases of boots before: their pods are gone and no DEL will come.
  ///
  /// Ours tell their boot. Of host-local's only the time of writing is known, by the wall clock; one that is older than
  /// this boot is taken back too. What is foreign stays.
  func reclaimEarlierBoots(_ boot: BootIdentity) throws {
    if try index.boot() == boot.id { return }
    var own: Set<Attachment> = []
    for record in try index.records() {
      if record.boot == boot.short { own.insert(record.attachment) } else { try remove(record) }
    }
    for file in try files() where isOfEarlierBoot(file, boot, own: own) {
      try Files.remove("\(directory)/\(file.name)")
    }
    do { try index.setBoot(boot.id) } catch {
      // A full disk must not keep anybody from leaving; without the mark, the next change looks again.
      guard error.code == ENOSPC || error.code == EDQUOT else { throw error }
    }
  }

  /// Whether a lease was written before a boot. `own` are the attachments with a record of this boot.
  func isOfEarlierBoot(_ file: LeaseFile, _ boot: BootIdentity, own: Set<Attachment>) -> Bool {
    switch file.content {
    case .held(let holder): !own.contains(holder) && file.changedAt < boot.startedAt
    case .empty: file.changedAt < boot.startedAt
    case .foreign: false
    }
  }
}
