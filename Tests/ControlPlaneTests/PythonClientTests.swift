import ControlPlane
import Glibc
import Linux
import Testing

/// The official Python client (PyPI `kubernetes`): the newest, and the one Debian has.
@Suite("Python client", .serialized)
struct PythonClientTests {
  static let root = String(#filePath.dropLast("/Tests/ControlPlaneTests/PythonClientTests.swift".count))

  @Test(arguments: ["", "22.6.0"])
  func whatProgramsDo(_ version: String) throws {
    let environment = "\(Self.root)/.build/peers/python-kubernetes\(version.isEmpty ? "" : "-\(version)")"
    let made = try ChildProcess.run(
      ["\(Self.root)/scripts/fetch-python-client", environment, version], timeout: 300)
    try #require(made.status.isSuccess, "\(made.output)\(made.errorOutput)")
    let server = try ServingFixture { configuration in configuration.historyLimit = StoreHistoryLimit(changes: 32) }
    let result = try server.run(["\(environment)/bin/python", "\(Self.root)/scripts/python-client-check"])
    #expect(result.status.isSuccess, "\(result.output)\(result.errorOutput)")
    #expect(result.output.contains("ok watch") && result.output.contains("ok dynamic watch"), "\(result.output)")
  }
}
