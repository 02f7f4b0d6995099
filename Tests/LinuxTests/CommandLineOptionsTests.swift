import Linux
import Testing

@Suite struct CommandLineOptionsTests {
  let known: [CommandLineOptions.Option] = [
    .init("nodes", "N", "how many"), .init("file", "PATH", letter: "f", "manifests"), .init("gateway", nil, "a flag"),
  ]

  @Test func readsAllForms() throws {
    let options = try CommandLineOptions(
      ["--nodes", "3", "-f", "a.yaml", "--file=b=c.yaml", "shop", "-", "--gateway", "--", "--nodes"], known: known)
    #expect(options["nodes"] == "3")
    #expect(options.all("file") == ["a.yaml", "b=c.yaml"])
    #expect(options.operands == ["shop", "-"])
    #expect(options.has("gateway"))
    #expect(options.rest == ["--nodes"])
    #expect(try options.integer("nodes", in: 1...9) == 3)
  }

  @Test(arguments: [["--what"], ["--nodes"], ["--gateway=yes"], ["-x"]])
  func refusesWhatItDoesNotKnow(arguments: [String]) {
    #expect(throws: UsageError.self) { try CommandLineOptions(arguments, known: known) }
  }

  @Test func namesTheOptionOfABadValue() throws {
    let options = try CommandLineOptions(["--nodes", "many"], known: known)
    let error = #expect(throws: UsageError.self) { try options.integer("nodes", in: 1...9) }
    #expect(error?.description.contains("--nodes") == true)
    #expect(error?.description.contains("many") == true)
  }
}
