import Glibc
import JSON
import Kubernetes
import Linux
import Testing

/// `swiftlet server` as people run it: a process with a folder, on a loopback address of its own.
final class ServerProcess {
  /// As built beside the tests.
  static let program: String = {
    let own = CommandLine.arguments[0]
    return own.prefix(upTo: own.lastIndex(of: "/") ?? own.startIndex) + "/swiftlet"
  }()

  let folder: String
  /// Where the processes see the folder: their mounts may be their own.
  private let folderInside: String
  private let wrapper: [String]
  private let arguments: [String]
  private let logPath: String
  private let address: String
  private var process: ChildProcess?
  private var transport: HTTPTransport?

  /// - Parameters:
  ///   - folder: as this process reaches it.
  ///   - folderInside: the same folder as the server's process reaches it, if that differs.
  ///   - log: a file for what the server prints; beside the folder if it is not given.
  ///   - arguments: further options of the server.
  ///   - wrapper: a command that runs the one that follows it, such as `nsenter`.
  ///   - number: tells the servers of this process apart.
  init(
    folder: String, folderInside: String? = nil, log: String? = nil, arguments: [String] = ["--without-scheduler"],
    wrapper: [String] = [], number: Int
  ) {
    self.arguments = arguments
    self.folder = folder
    self.folderInside = folderInside ?? folder
    self.wrapper = wrapper
    logPath = log ?? folder + ".log"
    let pid = Int(getpid())
    address = "127.\(80 + number % 16 * 4 + pid >> 16 % 4).\(pid >> 8 & 255).\(pid & 255)"
  }

  deinit { kill() }

  /// Starts the server and waits until it is ready.
  func start() throws {
    let output = try FileDescriptor.open(logPath, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
    process = try ChildProcess(
      wrapper + [
        Self.program, "server", "--data-dir", folderInside, "--listen", "\(address):6443", "--server-name", address,
      ] + arguments, standardOutput: .descriptor(output.raw), standardError: .descriptor(output.raw))
    for _ in 0..<600 {
      usleep(50_000)
      guard let token = try? Files.readText(folder + "/tokens.csv").split(separator: ",").first,
        let authority = try? Files.readText(folder + "/ca.crt")
      else { continue }
      let text: JSON = [
        "current-context": "x",
        "clusters": [
          [
            "name": "x",
            "cluster": [
              "server": .string("https://\(address):6443"),
              "certificate-authority-data": .string(Base64.encode(Array(authority.utf8))),
            ],
          ]
        ],
        "users": [["name": "x", "user": ["token": .string(token.filter { $0 != "\"" })]]],
        "contexts": [["name": "x", "context": ["cluster": "x", "user": "x"]]],
      ]
      guard let config = try? KubeConfig(text.bytes(), file: "x") else { continue }
      let transport = HTTPTransport(config)
      if (try? transport.send(APIRequest("GET", "/readyz")).status) == 200 {
        self.transport = transport
        return
      }
      transport.close()
    }
    Issue.record("the server is not ready: \(log)")
  }

  var log: String { (try? Files.readText(logPath)) ?? "" }

  /// Ends it as a machine without power would.
  func kill() {
    end()
    process?.stop(grace: 0)
    process = nil
  }

  /// Ends it as `systemctl stop` does.
  func stop() -> ChildProcess.Status? {
    end()
    defer { process = nil }
    return process?.stop(grace: 30)
  }

  private func end() {
    transport?.close()
    transport = nil
  }

  /// Another command of the program beside the server, where the server's process runs.
  func command(_ arguments: String...) throws -> ChildProcess.Result {
    try ChildProcess.run(wrapper + [Self.program] + arguments, timeout: 120)
  }

  /// Another process of the program, which prints to the server's log.
  func run(_ arguments: [String]) throws -> ChildProcess {
    let output = try FileDescriptor.open(logPath, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
    return try ChildProcess(
      wrapper + [Self.program] + arguments, standardOutput: .descriptor(output.raw),
      standardError: .descriptor(output.raw))
  }

  /// A file by which a program reaches the server as its administrator.
  func kubeconfig() throws -> String {
    let token = try #require(try Files.readText(folder + "/tokens.csv").split(separator: ",").first)
    let path = folder + ".kubeconfig"
    try Files.write(
      path,
      """
      current-context: x
      clusters: [{name: x, cluster: {server: "https://\(address):6443", certificate-authority: \(folder)/ca.crt}}]
      users: [{name: x, user: {token: \(token.filter { $0 != "\"" })}}]
      contexts: [{name: x, context: {cluster: x, user: x}}]
      """)
    return path
  }

  func send(
    _ method: String, _ target: String, _ body: JSON? = nil, type: String = "application/json"
  ) throws -> (status: Int, json: JSON) {
    let transport = try #require(transport)
    let answer = try transport.send(
      APIRequest(method, target, headers: ["content-type": type], body: body?.bytes() ?? []))
    return (answer.status, (try? JSON(parsing: answer.body)) ?? .null)
  }

  /// Objects of a list by their names, without the version that every restore makes new.
  func objects(_ path: String) throws -> [String: JSON] {
    let (status, json) = try send("GET", path)
    try #require(status == 200, "\(json)")
    return json["items"].elements.reduce(into: [:]) { all, item in
      var item = item
      item["metadata", "resourceVersion"] = .null
      all[item["metadata", "name"].string ?? ""] = item
    }
  }
}
