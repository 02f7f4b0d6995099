internal import Glibc
internal import Kubernetes
internal import Linux

/// When what stands in a log was written: the container writes its file itself, so the node's runtime notes beside it, in
/// `LOG.times`, how long the file was at which time. A line has the time of the note that covers its first byte: exact where
/// the container pauses between lines, the same for lines that come within a few milliseconds.
struct LogTimes {
  /// The bytes before `end` were there at `time`, nanoseconds since 1970.
  struct Note: Hashable {
    var end: UInt64
    var time: Int64
  }

  private(set) var notes: [Note]

  init(_ notes: [Note] = []) { self.notes = notes }

  static func path(ofLog path: String) -> String { "\(path).times" }

  /// Bytes of a note: two integers, the lowest byte first.
  private static let size = 16

  /// The notes beside a log; none where there are none.
  init(ofLog path: String) {
    let bytes = (try? Files.read(Self.path(ofLog: path))) ?? []
    notes = stride(from: 0, to: bytes.count - bytes.count % Self.size, by: Self.size).map { offset in
      func number(_ start: Int) -> UInt64 {
        bytes[start..<(start + 8)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
      }
      return Note(end: number(offset), time: Int64(bitPattern: number(offset + 8)))
    }
  }

  static func bytes(_ notes: some Sequence<Note>) -> [UInt8] {
    notes.flatMap { note in
      (0..<8).map { UInt8(truncatingIfNeeded: note.end >> (8 * $0)) }
        + (0..<8).map { UInt8(truncatingIfNeeded: note.time >> (8 * $0)) }
    }
  }

  /// The time of the byte at an offset; nil if it is not noted yet.
  func time(at offset: UInt64) -> Timestamp? {
    let index = firstIndex { $0.end > offset }
    return index < notes.count ? Timestamp(nanoseconds: notes[index].time) : nil
  }

  /// Where what was written at a time or later begins.
  func offset(since time: Timestamp) -> UInt64 {
    let index = firstIndex { $0.time >= time.nanoseconds }
    return index == 0 ? 0 : notes[index - 1].end
  }

  /// The first note for which the condition holds, which then holds for all after it.
  private func firstIndex(_ condition: (Note) -> Bool) -> Int {
    var low = 0
    var high = notes.count
    while low < high {
      let middle = (low + high) / 2
      if condition(notes[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The notes for a log of which only the bytes from `offset` on are left.
  func dropping(_ offset: UInt64) -> [Note] {
    notes.filter { $0.end > offset }.map { Note(end: $0.end - offset, time: $0.time) }
  }

  /// Notes the length and the time of the last write, if the file has grown since the last note.
  static func note(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0, status.st_size > 0 else { return }
    let descriptor = open(Self.path(ofLog: path), O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    let length = lseek(descriptor, 0, SEEK_END) / size * size
    var last = [UInt8](repeating: 0, count: 8)
    if length > 0, pread(descriptor, &last, 8, off_t(length - size)) != 8 { return }
    let end = last.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    guard UInt64(status.st_size) > end else { return }
    let time = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    let bytes = bytes([Note(end: UInt64(status.st_size), time: time)])
    _ = pwrite(descriptor, bytes, bytes.count, off_t(length))
  }
}
