internal import Glibc
internal import Linux

/// What the system refused in a lease folder, as a sentence that tells what to do.
enum LeaseFault {
  static func error(_ error: SystemError, _ directory: String) -> CNIError {
    let what =
      switch error.code {
      case ENOSPC:
        "the file system of the lease folder \(directory) is full: free space or inodes there (df, df -i)"
      case EDQUOT: "the quota of the lease folder \(directory) is used up: raise it or free space there"
      case EROFS: "the lease folder \(directory) is on a read-only file system: mount it writable"
      case EACCES, EPERM:
        "the lease folder \(directory) may not be written: the plugin must run as root, and no mode, attribute (lsattr) "
          + "or security policy may keep it out"
      case ENOTDIR, EISDIR, ELOOP, EEXIST:
        "something in the lease folder \(directory) is not what belongs there: move it away"
      case EIO: "the disk of the lease folder \(directory) fails: see the kernel's log"
      default: "the lease folder \(directory) cannot be used"
      }
    return CNIError(.inputOutput, what, details: "\(error)")
  }
}
