internal import CLinux
internal import Glibc
package import Linux

/// The folder of named network namespaces, made as `ip netns` makes it: a shared mount of its own, so that a namespace
/// mounted or unmounted later is so in every mount namespace, and none is kept alive by a forgotten copy.
package enum NamespaceFolder {
  /// Makes the folder and its mount where they are missing. True if the mount is ours.
  package static func prepare(_ path: String) throws(SystemError) -> Bool {
    try Files.makeDirectories(path)
    if mount("", path, "none", UInt(MS_SHARED | MS_REC), nil) == 0 { return false }
    // EINVAL: it is no mount point yet.
    guard errno == EINVAL else { throw SystemError("make \(path) a shared mount") }
    try check("bind \(path) to itself") { mount(path, path, "none", UInt(MS_BIND | MS_REC), nil) }
    try check("make \(path) a shared mount") {
      mount("", path, "none", UInt(MS_SHARED | MS_REC), nil)
    }
    return true
  }

  /// Takes our mount and the folder away again, unless others have put namespaces in. True if they are gone.
  package static func removeIfEmpty(_ path: String) throws(SystemError) -> Bool {
    guard Files.isDirectory(path) else { return true }
    guard try Files.list(path).isEmpty else { return false }
    umount2(path, CInt(MNT_DETACH))
    if rmdir(path) != 0, errno != ENOENT { throw SystemError("rmdir \(path)") }
    return true
  }
}
