internal import Glibc

/// What the C library's allocator does with large blocks, such as the list of a large cluster.
enum AllocatorSetting {
  /// `M_MMAP_THRESHOLD` of malloc.h (mallopt(3)): blocks from this size on are the kernel's, and its again when they are
  /// freed.
  private static let parameter: CInt = -3
  private static let bytes: CInt = 1 << 20

  /// Large blocks stay outside the heap. By itself glibc raises the limit, up to 32 MiB, whenever such a block is freed; the
  /// next one then leaves a hole in the heap for good: 20 MiB with 10,000 Services. Where there is no such function (another
  /// C library) nothing happens.
  static func keepLargeBlocksApart() {
    // malloc.h is not among what Swift imports of the C library.
    guard let symbol = dlsym(nil, "mallopt") else { return }
    let mallopt = unsafeBitCast(symbol, to: (@convention(c) (CInt, CInt) -> CInt).self)
    _ = mallopt(parameter, bytes)
  }
}
