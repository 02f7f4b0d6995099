internal import CLinux
internal import Glibc

/// Files and directories, without Foundation.
package enum Files {
  /// The whole file.
  package static func read(_ path: String) throws(SystemError) -> [UInt8] {
    let file = try FileDescriptor.open(path)
    do { return try file.readAll() } catch { throw SystemError("read \(path)", code: error.code) }
  }

  /// The whole file as text; bytes that are no UTF-8 become U+FFFD.
  package static func readText(_ path: String) throws(SystemError) -> String {
    String(decoding: try read(path), as: UTF8.self)
  }

  /// Replaces a file as a whole: readers see the old content or the new, never a part.
  ///
  /// `durable` also makes sure that after a power loss one of the two is there.
  package static func write(
    _ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644, durable: Bool = false
  ) throws(SystemError) {
    let temporary = "\(path).\(getpid())-\(pthread_self()).new"
    do {
      let file = try FileDescriptor.open(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
      try file.writeAll(bytes)
      let raw = file.raw
      if durable { try check("fsync \(temporary)") { fsync(raw) } }
      try check("rename \(temporary) to \(path)") { rename(temporary, path) }
    } catch {
      unlink(temporary)
      throw error
    }
    if durable {
      let directory = try FileDescriptor.open(parent(of: path), O_RDONLY | O_DIRECTORY)
      let raw = directory.raw
      try check("fsync the directory of \(path)") { fsync(raw) }
    }
  }

  package static func write(
    _ path: String, _ text: String, mode: UInt32 = 0o644, durable: Bool = false
  ) throws(SystemError) {
    try write(path, Array(text.utf8), mode: mode, durable: durable)
  }

  /// The directory a path lies in: `/a` for `/a/b`, `.` for `b`.
  package static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Makes a directory and those above it; what exists already stays as it is.
  package static func makeDirectories(_ path: String, mode: UInt32 = 0o755) throws(SystemError) {
    if mkdir(path, mode) == 0 { return }
    switch errno {
    case EEXIST:
      guard isDirectory(path) else { throw SystemError("mkdir \(path)", code: ENOTDIR) }
    case ENOENT where parent(of: path) != path:
      try makeDirectories(parent(of: path), mode: mode)
      if mkdir(path, mode) != 0, errno != EEXIST { throw SystemError("mkdir \(path)") }
    default: throw SystemError("mkdir \(path)")
    }
  }

  /// There is something at this path; a symbolic link counts by what it leads to.
  package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  package static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Removes a file; there being none is success.
  package static func remove(_ path: String) throws(SystemError) {
    if unlink(path) != 0, errno != ENOENT { throw SystemError("unlink \(path)") }
  }

  /// The names in a directory, sorted, without `.` and `..`.
  package static func list(_ path: String) throws(SystemError) -> [String] {
    guard let stream = opendir(path) else { throw SystemError("open directory \(path)") }
    defer { closedir(stream) }
    return names(stream).sorted()
  }

  /// Removes a file, or a directory with all that is in it; there being none is success. Symbolic links are removed, never
  /// followed, and other file systems mounted inside make it fail with EBUSY.
  package static func removeTree(_ path: String) throws(SystemError) {
    try removeEntry(AT_FDCWD, path, shown: path)
  }

  private static func removeEntry(_ directory: CInt, _ name: String, shown: String) throws(SystemError) {
    if unlinkat(directory, name, 0) == 0 || errno == ENOENT { return }
    // Linux answers EISDIR for a directory, POSIX says EPERM.
    guard errno == EISDIR || errno == EPERM else { throw SystemError("remove \(shown)") }
    let raw = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard raw >= 0 else {
      if errno == ENOENT { return }
      throw SystemError("open directory \(shown)")
    }
    guard let stream = fdopendir(raw) else {
      let error = SystemError("open directory \(shown)")
      close(raw)
      throw error
    }
    defer { closedir(stream) }
    for entry in names(stream) { try removeEntry(raw, entry, shown: "\(shown)/\(entry)") }
    if unlinkat(directory, name, AT_REMOVEDIR) != 0, errno != ENOENT { throw SystemError("remove \(shown)") }
  }

  private static func names(_ stream: OpaquePointer) -> [String] {
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }
}
