import Glibc
import JSON
import Kubernetes
import Linux
import Testing

/// `swiftlet plan` as it is called, and the same checks before `server` and `agent` begin.
@Suite struct PlanCommandTests {
  private let program: Program

  init() throws { program = try Program() }

  @Test func exitStatuses() throws {
    let sound = try program.run("plan", "--nodes", "5")
    #expect(sound.status == .exited(0) && sound.output.contains("sound for kubeadm"), "\(sound.errorOutput)")
    #expect(!sound.output.contains("\u{1B}"), "colours without a terminal")
    let unsound = try program.run("plan", "--pod-range", "10.96.0.0/12", "--service-range", "10.96.0.0/16")
    #expect(unsound.status == .exited(1) && unsound.output.contains("error [overlap]"))
    for arguments in [["--pod-range", "ten"], ["--bogus"], ["-f", "/nonexistent/plan.yaml"]] {
      let unusable = try ChildProcess.run([program.path, "plan"] + arguments)
      #expect(unusable.status == .exited(2) && unusable.errorOutput.hasPrefix("swiftlet plan: "), "\(arguments)")
    }
    let help = try program.run("plan", "--help")
    #expect(help.status == .exited(0) && help.output.contains("--pods-per-node"))
  }

  @Test func aFileFromStandardInputAsJSON() throws {
    let result = try program.run("plan", "-f", "-", "-o", "json", input: "nodes: 4\nfor: gke\npodsPerNode: 30\n")
    #expect(result.status == .exited(0), "\(result.errorOutput)")
    let json = try JSON(parsing: result.standardOutput)
    #expect(json["for"] == ["gke"] && json["podRanges"][0]["nodeMask"] == 26 && json["sound"] == true)
  }

  @Test func onlyASoundPlanIsEmitted() throws {
    let sound = try program.run("plan", "--emit", "kubeadm")
    #expect(sound.status == .exited(0))
    #expect(try YAML.parse(sound.output, file: "emitted")[0].value["kind"] == "ClusterConfiguration")
    let unsound = try program.run("plan", "--emit", "kubeadm", "--pod-range", "127.0.0.0/16")
    #expect(unsound.status == .exited(1) && unsound.output.isEmpty && unsound.errorOutput.contains("which is loopback"))
  }

  @Test func theDrawingIsWritten() throws {
    let path = "/tmp/swt-plan-\(getpid()).svg"
    defer { try? Files.remove(path) }
    #expect(try program.run("plan", "--svg", path).status == .exited(0))
    #expect(try Files.readText(path).contains("</svg>"))
    #expect(try program.run("plan", "--svg", "/nonexistent/plan.svg").status == .exited(2))
  }

  @Test func serverAndAgentRefuseTheSameRanges() throws {
    let sentence =
      "pod range 10.96.0.0/12 (from --pod-range) contains service range 10.96.0.0/16 (from --service-range)"
    let ranges = ["--pod-range", "10.96.0.0/12", "--service-range", "10.96.0.0/16"]
    let folder = "/tmp/swt-plan-server-\(getpid())"
    defer { try? Files.removeTree(folder) }
    let server = try ChildProcess.run([program.path, "server", "--data-dir", folder] + ranges, timeout: 20)
    #expect(server.status == .exited(1) && server.errorOutput.contains(sentence), "\(server.errorOutput)")
    #expect(!Files.exists(folder))
    let agent = try ChildProcess.run(
      [program.path, "agent", "--kubeconfig", "/nonexistent", "--node-name", "x"] + ranges, timeout: 20)
    #expect(agent.status == .exited(1) && agent.errorOutput.contains(sentence), "\(agent.errorOutput)")
    let nodes = try ChildProcess.run(
      [
        program.path, "agent", "--kubeconfig", "/nonexistent", "--node-name", "x", "--pod-range", "10.244.0.0/16",
        "--service-range", "10.96.0.0/16", "--node-range", "10.244.3.0/24",
      ], timeout: 20)
    #expect(nodes.errorOutput.contains("node range 10.244.3.0/24 (from --node-range) lies within pod range"))
  }
}
