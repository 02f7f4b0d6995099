internal import Glibc
internal import JSON
internal import Kubernetes
internal import Linux

/// `swiftlet lab fetch`: asks for one URL at a given address and prints what came back as JSON. The checks run it in the
/// outside world; it is not for people.
enum LabFetch {
  static func run(_ arguments: [String]) throws -> Int32 {
    let given = try CommandLineOptions(
      arguments,
      known: [
        .init("url", "URL", "what to ask for"), .init("address", "ADDRESS", "where to connect to"),
        .init("authority-on-stdin", nil, "trust the PEM certificate on standard input instead of every one"),
      ])
    let url = try given.required("url")
    guard let scheme = url.firstRange(of: "://"), let slash = url[scheme.upperBound...].firstIndex(of: "/") else {
      throw UsageError("lab fetch needs a URL with a path, found \(url)")
    }
    var config = KubeConfig(server: String(url[..<slash]))
    if given.has("authority-on-stdin") {
      config.certificateAuthority = try FileDescriptor(owning: dup(0)).readAll()
    } else {
      config.isVerificationSkipped = true
    }
    var options = HTTPTransport.Options()
    options.connectTo = try given.required("address")
    options.connectTimeout = 3
    options.requestTimeout = 5
    var json: JSON
    do {
      let response = try HTTPTransport(config, options: options).send(APIRequest("GET", String(url[slash...])))
      let body = (try? JSON(parsing: response.body)) ?? .string(String(decoding: response.body, as: UTF8.self))
      json = ["ok": .bool(response.status == 200), "status": .int(Int64(response.status)), "body": body]
      if response.status != 200 { json["error"] = .string("status \(response.status)") }
    } catch {
      json = ["ok": false, "error": .string("\(error)")]
    }
    try FileDescriptor(owning: dup(1)).writeAll(json.bytes() + [UInt8(ascii: "\n")])
    return 0
  }
}
