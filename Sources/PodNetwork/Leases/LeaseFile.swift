package import Addressing
internal import CLinux
internal import Glibc
internal import Linux

/// One file of a lease folder whose name is an address.
package struct LeaseFile: Hashable, Sendable {
  package typealias Attachment = NetworkConfiguration.Attachment

  /// What is in it.
  package enum Content: Hashable, Sendable {
    /// `containerID\r\nifname`; an old host-local wrote no interface, which then is empty.
    case held(Attachment)
    /// Nothing: whoever made it died before writing, or the power went.
    case empty
    /// Something that no plugin wrote: the beginning of it.
    case foreign(String)

    package init(_ bytes: [UInt8]) {
      // "\r\n" is one Character in Swift: split by bytes.
      let lines = bytes.split { $0 == 0x0D || $0 == 0x0A }.map { String(decoding: $0, as: UTF8.self) }
      guard let first = lines.first else {
        self = .empty
        return
      }
      let interface = lines.count > 1 ? lines[1] : ""
      if lines.count <= 2, isCNIName(first), interface.isEmpty || interfaceNameProblem(interface) == nil {
        self = .held(Attachment(containerID: first, interfaceName: interface))
      } else {
        self = .foreign(String(decoding: bytes.prefix(40), as: UTF8.self))
      }
    }

    /// The content that names an attachment.
    static func text(_ attachment: Attachment) -> String { "\(attachment.containerID)\r\n\(attachment.interfaceName)" }
  }

  package let content: Content
  /// The file's name. It may spell the address in another way than we do.
  package let name: String
  /// When it was written, in seconds since 1970 by the clock of then.
  package let changedAt: Double
  package let address: IPAddress

  package var holder: Attachment? { if case .held(let holder) = content { holder } else { nil } }

  /// Reads a file; nil if there is none, or its name is no address.
  init?(directory: String, name: String) throws(SystemError) {
    guard let address = IPAddress(name) else { return nil }
    let path = "\(directory)/\(name)"
    // Neither a pipe nor a link of this name may lead us away.
    let raw = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    if raw < 0 {
      if errno == ENOENT { return nil }
      guard errno == ELOOP || errno == ENXIO else { throw SystemError("open \(path)") }
    }
    self.address = address
    self.name = name
    guard raw >= 0 else {
      changedAt = 0
      content = .foreign("not a regular file")
      return
    }
    let file = FileDescriptor(owning: raw)
    var status = stat()
    try check("look at \(path)") { fstat(raw, &status) }
    changedAt = Double(status.st_ctim.tv_sec) + Double(status.st_ctim.tv_nsec) / 1e9
    guard status.st_mode & S_IFMT == S_IFREG else {
      content = .foreign("not a regular file")
      return
    }
    // More than a container and an interface is foreign whatever follows.
    var bytes = [UInt8](repeating: 0, count: 1024)
    let count = try check("read \(path)") { read(file.raw, &bytes, bytes.count) }
    content = Content(Array(bytes[..<count]))
  }

  /// Whether an attachment holds it. A lease of an old host-local counts for any interface of its container.
  func isHeld(by attachment: Attachment) -> Bool {
    guard let holder else { return false }
    return holder.containerID == attachment.containerID
      && (holder.interfaceName == attachment.interfaceName || holder.interfaceName.isEmpty)
  }
}
