package import Addressing
internal import JSON
internal import Linux
package import Netlink

/// What a machine's network consists of, as the kernel and two files tell it.
package struct MachineFacts: Sendable {
  package var links: [Link] = []
  package var addresses: [InterfaceAddress] = []
  package var routes: [RouteDestination] = []
  /// nil where there is no trace of Docker.
  package var docker: DockerSettings?
  /// Name servers of /etc/resolv.conf.
  package var resolvers: [IPAddress] = []

  package init() {}

  /// Reads the kernel through a socket of the namespace in question, and files below `root`.
  ///
  /// - Throws: the kernel's refusal, or what is wrong with Docker's file.
  package init(_ socket: RouteSocket, root: String = "") throws {
    links = try socket.links()
    addresses = try socket.addresses()
    routes = try socket.destinations()
    let file = root + "/etc/docker/daemon.json"
    if Files.exists(file) {
      do {
        docker = try DockerSettings(try JSON(parsing: try Files.read(file)))
      } catch {
        throw PlanInputError("\(file): \(error)")
      }
    } else if links.contains(where: { $0.name == "docker0" }) {
      docker = DockerSettings()
    }
    if let text = try? Files.readText(root + "/etc/resolv.conf") { resolvers = Self.resolvers(text) }
  }

  /// The name servers of a resolv.conf(5), without those on the machine itself.
  package static func resolvers(_ text: String) -> [IPAddress] {
    text.split(separator: "\n").compactMap { line in
      let words = line.split { $0 == " " || $0 == "\t" }
      guard words.count >= 2, words[0] == "nameserver" else { return nil }
      let address = IPAddress(String(words[1]))
      return address.map { $0.isLoopback || $0.isLinkLocal } == false ? address : nil
    }
  }
}
