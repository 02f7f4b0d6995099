internal import CLinux
internal import Glibc

/// Which content a path leads to, without reading it: a file that is replaced has another number, one that is written
/// another time or size. Links are followed, so that a volume of Kubernetes, whose files are links into a folder that is
/// replaced as a whole, counts as changed when that happens.
package struct FileStamp: Hashable, Sendable {
  private let device: UInt
  private let inode: UInt
  private let size: Int
  private let seconds: Int
  private let nanoseconds: Int

  /// nil where there is nothing that could be looked at.
  package init?(_ path: String) {
    var info = stat()
    guard stat(path, &info) == 0 else { return nil }
    device = UInt(info.st_dev)
    inode = UInt(info.st_ino)
    size = Int(info.st_size)
    seconds = info.st_mtim.tv_sec
    nanoseconds = info.st_mtim.tv_nsec
  }
}
