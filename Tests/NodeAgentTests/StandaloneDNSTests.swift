import Addressing
import ControlPlane
import Glibc
import JSON
import Kubernetes
import Linux
import Testing

@testable import NodeAgent

/// `swiftlet dns` as a process beside an API server that comes, goes and comes again.
@Suite(.serialized) struct StandaloneDNSTests {
  static let loopback = IPAddress("127.0.0.1")!

  /// An API server in this process, and the folder of everything.
  final class Cluster {
    let folder: String
    let port: UInt16
    let dnsPort: UInt16
    let httpPort: UInt16
    private let api: APIServer
    private(set) var dns: ChildProcess?

    init() throws {
      var template = Array("/tmp/swt-dns-XXXXXX".utf8CString)
      folder = try #require(mkdtemp(&template).map { String(cString: $0) })
      var configuration = APIServerConfiguration(
        databasePath: folder + "/api.db", serviceRanges: [Prefix("10.96.0.0/16")!])
      configuration.pkiPath = folder + "/pki"
      api = try APIServer(configuration)
      (port, dnsPort, httpPort) = (try Self.freePort(), try Self.freePort(), try Self.freePort())
      try Files.write(
        folder + "/kubeconfig", Array(try #require(api.kubeconfig(server: "https://127.0.0.1:\(port)")).utf8))
      try Files.write(
        folder + "/Corefile",
        Array(
          (".:\(dnsPort) {\n kubernetes cluster.local\n ready 127.0.0.1:\(httpPort)\n health 127.0.0.1:\(httpPort)\n"
            + " prometheus 127.0.0.1:\(httpPort)\n}\n").utf8))
    }

    deinit {
      if let dns {
        dns.signal(SIGKILL)
        dns.wait()
      }
      api.stop()
      try? Files.removeTree(folder)
    }

    static func freePort() throws -> UInt16 {
      let probe = try FileDescriptor.socket(AF_INET, CInt(SOCK_STREAM.rawValue))
      try check("bind") { SocketAddress(AddressAndPort(loopback, 0)).bind(probe.raw) }
      return try SocketAddress.bound(probe.raw).port
    }

    func serve(in namespace: NetworkNamespace? = nil) throws {
      try api.start([.address(loopback, port: port, namespace: namespace)])
    }
    func stopServing() { api.stop() }

    func create(_ path: String, _ object: JSON) throws {
      let request = APIRequest("POST", path, headers: ["content-type": "application/json"], body: object.bytes())
      let response = try api.transport.send(request)
      try #require(response.status == 201, "\(String(decoding: response.body, as: UTF8.self))")
    }

    func createService(_ name: String, _ address: String) throws {
      try create(
        "/api/v1/namespaces/default/services",
        [
          "kind": "Service", "apiVersion": "v1", "metadata": ["name": .string(name)],
          "spec": ["clusterIP": .string(address), "ports": [["name": "http", "port": 80]]],
        ])
    }

    /// The program that was built beside the tests.
    static func program() throws -> String {
      var path = [CChar](repeating: 0, count: 4096)
      let count = readlink("/proc/self/exe", &path, path.count)
      let own = String(decoding: path[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      for candidate in [Files.parent(of: own)] + CommandLine.arguments.map({ Files.parent(of: $0) }) {
        if Files.exists("\(candidate)/swiftlet") { return "\(candidate)/swiftlet" }
      }
      throw SystemError("find swiftlet beside the tests; build it first", code: ENOENT)
    }

    func startDNS(environment: [String: String]? = nil) throws {
      dns = try ChildProcess(
        [
          try Self.program(), "dns", "--kubeconfig", folder + "/kubeconfig", "--corefile", folder + "/Corefile",
          "--listen", "127.0.0.1:\(dnsPort)", "--state-dir", folder, "--dns-threads", "1",
        ], environment: environment, standardOutput: .null, standardError: .null)
    }

    func client() throws -> FileDescriptor {
      let socket = try FileDescriptor.socket(AF_INET, CInt(SOCK_DGRAM.rawValue))
      var timeout = timeval(tv_sec: 1, tv_usec: 0)
      setsockopt(socket.raw, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
      try check("connect") { SocketAddress(AddressAndPort(loopback, dnsPort)).connect(socket.raw) }
      return socket
    }

    /// The code of the answer and its last four bytes, an address where there is one.
    func ask(_ name: String) throws -> (code: UInt8, address: [UInt8])? {
      let client = try client()
      let question = StandaloneDNSTests.question(name)
      Glibc.send(client.raw, question, question.count, 0)
      var answer = [UInt8](repeating: 0, count: 1500)
      let count = recv(client.raw, &answer, answer.count, 0)
      return count < 12 ? nil : (answer[3] & 15, Array(answer[(count - 4)..<count]))
    }

    /// Asks until the answer is right; false after half a minute.
    func comesTrue(_ name: String, _ code: UInt8, _ address: [UInt8]? = nil) throws -> Bool {
      for _ in 0..<300 {
        if let answer = try ask(name), answer.code == code, address == nil || answer.address == address { return true }
        usleep(100_000)
      }
      return false
    }

    func run(_ command: String...) throws -> String { try ChildProcess.run(command).output }
    func ready() throws -> String { try run("curl", "-s", "http://127.0.0.1:\(httpPort)/ready") }
  }

  static func question(_ name: String, type: UInt8 = 1) -> [UInt8] {
    let labels = name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + $0.utf8 }
    return [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + labels + [0, 0, type, 0, 1]
  }

  @Test func theServerComesAndGoes() throws {
    let cluster = try Cluster()
    try cluster.createService("web", "10.96.0.20")
    try cluster.startDNS()
    // Nothing is known yet: no false denial.
    #expect(try cluster.comesTrue("web.default.svc.cluster.local", 2))
    #expect(try cluster.ask("none.default.svc.cluster.local")?.code == 2)
    #expect(try cluster.ready() == "kubernetes")
    try cluster.serve()
    #expect(try cluster.comesTrue("web.default.svc.cluster.local", 0, [10, 96, 0, 20]))
    #expect(try cluster.comesTrue("none.default.svc.cluster.local", 3))
    #expect(try cluster.ready() == "OK")

    let program = try Cluster.program()
    let state = ["--state-dir", cluster.folder]
    let explained = try ChildProcess.run(
      [program, "dns", "query", "web", "--from", "default/client"] + state
    ).output
    #expect(explained.contains("Service default/web, ClusterIP 10.96.0.20"), "\(explained)")

    // The API is away: what was known goes on being answered, and what was not there is still denied.
    cluster.stopServing()
    for _ in 0..<10 {
      #expect(try cluster.ask("web.default.svc.cluster.local")?.address == [10, 96, 0, 20])
      #expect(try cluster.ask("none.default.svc.cluster.local")?.code == 3)
      usleep(50_000)
    }
    try cluster.createService("late", "10.96.0.21")
    #expect(try cluster.ask("late.default.svc.cluster.local")?.code == 3)
    try cluster.serve()
    #expect(try cluster.comesTrue("late.default.svc.cluster.local", 0, [10, 96, 0, 21]))
    #expect(try cluster.ask("web.default.svc.cluster.local")?.address == [10, 96, 0, 20])

    let metrics = try cluster.run("curl", "-s", "http://127.0.0.1:\(cluster.httpPort)/metrics")
    #expect(metrics.contains("rcode=\"NXDOMAIN\"") && metrics.contains("rcode=\"SERVFAIL\""), "\(metrics)")
    cluster.dns?.signal(SIGTERM)
    #expect(cluster.dns?.wait(timeout: 20) == .exited(0))
  }

  /// Stands before the C library's own and counts in a file.
  static let counter = """
    #include <fcntl.h>
    #include <stdlib.h>
    #include <sys/mman.h>
    extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
        *__libc_memalign(size_t, size_t);
    static _Atomic unsigned long *count;
    __attribute__((constructor)) static void begin(void) {
      int fd = open(getenv("COUNT_FILE"), O_RDWR);
      void *page = mmap(0, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
      if (page != MAP_FAILED) count = page;
    }
    static void one(void) { if (count) ++*count; }
    void *malloc(size_t n) { one(); return __libc_malloc(n); }
    void *calloc(size_t n, size_t m) { one(); return __libc_calloc(n, m); }
    void *realloc(void *p, size_t n) { one(); return __libc_realloc(p, n); }
    void *aligned_alloc(size_t a, size_t n) { one(); return __libc_memalign(a, n); }
    int posix_memalign(void **p, size_t a, size_t n) { one(); *p = __libc_memalign(a, n); return *p ? 0 : 12; }
    """

  /// Thousands of questions of every kind are answered without an allocation: what is counted is what the rest of the
  /// process does meanwhile.
  @Test func noAllocationAQuestion() throws {
    let cluster = try Cluster()
    let folder = cluster.folder
    try Files.write(folder + "/counter.c", Array(Self.counter.utf8))
    try Files.write(folder + "/count", [UInt8](repeating: 0, count: 8))
    let compiled = try ChildProcess.run(
      ["clang", "-shared", "-fPIC", "-O1", "-o", folder + "/counter.so", folder + "/counter.c"])
    try #require(compiled.status == .exited(0), "\(compiled)")
    try cluster.createService("web", "10.96.0.20")
    try cluster.createService("db", "None")
    try cluster.create(
      "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
      [
        "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4",
        "metadata": ["name": "db-1", "labels": ["kubernetes.io/service-name": "db"]],
        "ports": [["name": "http", "port": 8080]],
        "endpoints": [
          ["addresses": ["10.244.1.2"], "hostname": "db-0", "conditions": ["ready": true]],
          ["addresses": ["10.244.1.3"], "conditions": ["ready": true]],
        ],
      ])
    try cluster.serve()
    var environment = ["LD_PRELOAD": folder + "/counter.so", "COUNT_FILE": folder + "/count"]
    environment["PATH"] = "/usr/bin:/bin"
    try cluster.startDNS(environment: environment)
    #expect(try cluster.comesTrue("web.default.svc.cluster.local", 0, [10, 96, 0, 20]))
    #expect(try cluster.comesTrue("db-0.db.default.svc.cluster.local", 0, [10, 244, 1, 2]))
    var questions = [
      ("WEB.default.svc.cluster.local", 1), ("web.default.svc.cluster.local", 28), ("db.default.svc.cluster.local", 1),
      ("_http._tcp.web.default.svc.cluster.local", 33), ("_http._tcp.db.default.svc.cluster.local", 33),
      ("db-0.db.default.svc.cluster.local", 1), ("none.default.svc.cluster.local", 1), ("cluster.local", 6),
      ("20.0.96.10.in-addr.arpa", 12), ("10-1-2-3.default.pod.cluster.local", 1), ("dns-version.cluster.local", 16),
    ].map { Self.question($0.0, type: UInt8($0.1)) }
    // The same with EDNS, and bytes that are no question.
    questions += questions.map { bytes in
      var bytes = bytes
      bytes[11] = 1
      return bytes + [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]
    }
    questions += questions.map { Array($0.dropLast(3)) }
    let client = try cluster.client()
    func ask(_ rounds: Int) throws {
      var answer = [UInt8](repeating: 0, count: 1500)
      for _ in 0..<rounds {
        for question in questions { Glibc.send(client.raw, question, question.count, 0) }
        for _ in questions { try #require(recv(client.raw, &answer, answer.count, 0) >= 12) }
      }
    }
    func count() throws -> UInt64 {
      try Files.read(folder + "/count").reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    // Whatever is made at a first time.
    try ask(20)
    let before = try count()
    #expect(before > 1000, "the counter counts")
    try ask(200)
    let all = try count() - before
    let asked = UInt64(200 * questions.count)
    #expect(all < asked / 50, "\(all) allocations in \(asked) questions")
  }
}
