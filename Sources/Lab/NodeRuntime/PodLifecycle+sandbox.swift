internal import Addressing
internal import CLinux
internal import Glibc
internal import JSON
internal import Kubernetes
internal import Linux
internal import StandIn

extension PodLifecycle {
  /// Why a sandbox could not be made.
  struct SandboxError: Error, CustomStringConvertible {
    let description: String
  }

  /// True once the pod has a living sandbox that is attached to its network. Makes one where there is none, and a new one
  /// where it has died: the containers of a dead sandbox end with it.
  func ensureSandbox() -> Bool {
    if record.sandbox?.isReady == true, sandboxProcess != nil { return true }
    if record.sandbox != nil {
      if record.sandbox?.isReady == true {
        tell(.normal, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
      }
      do { try destroySandbox() } catch {
        retry("removing the sandbox of \(pod.id)", error)
        return false
      }
    }
    if sandboxRetry > Time.monotonicSeconds {
      wake(at: sandboxRetry)
      return false
    }
    do {
      guard try createSandbox() else { return false }
      sandboxFailures = 0
      return true
    } catch {
      tell(.warning, "FailedCreatePodSandBox", "Failed to create pod sandbox: \(error)")
      services.log("sandbox of \(pod.id): \(error)")
      try? destroySandbox()
      sandboxFailures += 1
      sandboxRetry = Time.monotonicSeconds + min(10, 0.5 * Double(1 << min(sandboxFailures, 5)))
      wake(at: sandboxRetry)
      return false
    }
  }

  /// False if the node's network is not ready yet.
  private func createSandbox() throws -> Bool {
    let configuration = services.configuration
    let pod = self.pod
    var network = JSON.null
    if !pod.usesHostNetwork {
      guard let list = try CNINetwork.load(directory: configuration.networkConfigurationDirectory) else {
        tellOnce(
          "network", .warning, "NetworkNotReady",
          "network is not ready: no CNI configuration in \(configuration.networkConfigurationDirectory)")
        wake(after: 0.3)
        return false
      }
      network = list
    }
    var sandbox = PodRecord.Sandbox(id: randomID())
    sandbox.network = network
    record.sandbox = sandbox
    record.sandboxCount += 1
    try writeFiles()
    try Files.remove(directory.sandboxIdentityFile)
    save()

    let process = try startSandbox()
    sandboxProcess = process
    record.sandbox?.process = process.identity
    save()
    if !pod.usesHostNetwork {
      record.sandbox?.result = try cni(network).add(attachment(sandbox.id, process.identity.pid))
      try writeFiles()
    }
    record.sandbox?.isReady = true
    save()
    watchSandbox(process)
    return true
  }

  private func startSandbox() throws -> ProcessReference {
    let configuration = services.configuration
    var options = SandboxOptions()
    options.hostname = pod.kernelHostname(nodeName: configuration.nodeName, clusterDomain: configuration.clusterDomain)
    options.resolverConfiguration = directory.resolverFile
    options.hosts = directory.hostsFile
    options.hostnameFile = directory.hostnameFile
    options.usesHostNetwork = pod.usesHostNetwork
    options.identityFile = directory.sandboxIdentityFile
    if let group = services.controlGroup(uid, "sandbox") {
      try Files.makeDirectories(group.path)
      options.controlGroup = group.path
    }
    let log = try FileDescriptor.open("\(directory.path)/sandbox.log", O_WRONLY | O_CREAT | O_APPEND)
    var ends: [CInt] = [-1, -1]
    try checkedResult("pipe", swiftlet_pipe(&ends))
    let reader = FileDescriptor(owning: ends[0])
    let writer = FileDescriptor(owning: ends[1])
    let child = try ChildProcess(
      [configuration.pauseProgram, "sandbox"] + options.arguments, environment: ["PATH": NodeServices.searchPath],
      standardOutput: .descriptor(writer.raw), standardError: .descriptor(log.raw), namespace: configuration.namespace,
      newSession: true)
    closeNow(writer)
    guard let identity = ProcessIdentity(pid: child.pid) else {
      child.signal(SIGKILL)
      throw SandboxError(description: "process \(child.pid) of the sandbox vanished")
    }
    let process = ProcessReference.child(child, identity)
    guard awaitByte(reader.raw, timeout: 10) else {
      child.signal(SIGKILL)
      let how = child.wait(timeout: 2).map(\.description) ?? "it still runs"
      let words = (try? Files.readText("\(directory.path)/sandbox.log")) ?? ""
      throw SandboxError(
        description: "\(configuration.pauseProgram) did not become ready: \(how) \(words.suffix(300))")
    }
    return process
  }

  func watchSandbox(_ process: ProcessReference) {
    let identity = process.identity
    services.watcher.watch(process) { [weak self] _ in self?.send(.sandboxEnded(identity)) }
  }

  /// Ends the sandbox and what lives in it, and takes it from its network. Throws if that failed; it can be called again.
  func destroySandbox() throws {
    guard let sandbox = record.sandbox else { return }
    services.probes.stop(uid: uid)
    for (name, process) in processes {
      killContainer(name)
      _ = process.waitUntilEnded(timeout: 5)
      containerEnded(name, process.identity, process.exitStatus ?? .signaled(SIGKILL))
    }
    if !sandbox.network.isNull {
      record.detachments.append(sandbox)
      record.sandbox?.network = .null
      record.sandbox?.result = .null
      save()
      // While its namespace still exists, so that the plugins find what they made.
      detach()
    }
    if let process = sandboxProcess {
      process.signal(SIGTERM)
      if !process.waitUntilEnded(timeout: 1) {
        process.signal(SIGKILL)
        _ = process.waitUntilEnded(timeout: 5)
      }
    }
    try removeGroup("sandbox")
    sandboxProcess = nil
    record.sandbox = nil
    save()
  }

  /// Takes earlier sandboxes from their networks; what fails is tried again at a later step, so that no address is lost.
  /// A new sandbox need not wait for that.
  func detach() {
    guard !record.detachments.isEmpty, detachRetry <= Time.monotonicSeconds else {
      if !record.detachments.isEmpty { wake(at: detachRetry) }
      return
    }
    var left: [PodRecord.Sandbox] = []
    for sandbox in record.detachments {
      let pid = sandboxProcess.flatMap { $0.identity == sandbox.process ? $0.identity.pid : nil }
      do {
        try cni(sandbox.network).delete(attachment(sandbox.id, pid), result: sandbox.result)
      } catch {
        let isHopeless = sandbox.result.isNull && (isGone || pod.isDeleted)
        services.log("taking pod \(pod.id) from its network: \(error)" + (isHopeless ? " (it never was in it)" : ""))
        // What never was attached must not keep a pod from ending.
        if !isHopeless { left.append(sandbox) }
      }
    }
    record.detachments = left
    save()
    if left.isEmpty { return }
    detachRetry = Time.monotonicSeconds + 2
    wake(at: detachRetry)
  }

  /// Kills what is left in a control group of this pod and removes it.
  func removeGroup(_ name: String? = nil) throws {
    guard let group = services.controlGroup(uid, name) else { return }
    try group.kill(timeout: 5)
    try group.remove()
  }

  private func cni(_ network: JSON) -> CNINetwork {
    CNINetwork(
      list: network, binaryDirectories: services.configuration.networkBinaryDirectories,
      namespace: services.configuration.namespace)
  }

  private func attachment(_ id: String, _ pid: pid_t?) -> CNINetwork.Attachment {
    CNINetwork.Attachment(containerID: id, namespacePath: pid.map { "/proc/\($0)/ns/net" } ?? "", pod: pod)
  }

  /// The files that appear in the sandbox's /etc. They are written in place: a bind mount holds the file, not its name.
  private func writeFiles() throws {
    let configuration = services.configuration
    try Files.makeDirectories("\(directory.path)/etc")
    let host = ResolverConfiguration(parsing: (try? Files.readText(configuration.resolverConfiguration)) ?? "")
    let resolver = ResolverConfiguration.forPod(
      pod, host: host, clusterServers: configuration.clusterDNS.map(\.description),
      clusterDomain: configuration.clusterDomain)
    let hosts = HostsFile.text(
      pod, addresses: record.addresses, nodeName: configuration.nodeName, clusterDomain: configuration.clusterDomain,
      nodeHosts: (try? Files.readText(configuration.hosts)) ?? "")
    let hostname = pod.kernelHostname(nodeName: configuration.nodeName, clusterDomain: configuration.clusterDomain)
    for (path, text) in [
      (directory.resolverFile, resolver.text), (directory.hostsFile, hosts), (directory.hostnameFile, hostname + "\n"),
    ] {
      try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC).writeAll(Array(text.utf8))
    }
  }
}

/// 64 hexadecimal digits that nobody had before.
func randomID() -> String {
  var generator = SystemRandomNumberGenerator()
  return (0..<4).map { _ in
    let digits = String(generator.next() as UInt64, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }.joined()
}

/// Waits for a byte on a pipe; false if it ends before, or after `timeout` seconds.
func awaitByte(_ raw: CInt, timeout: Double) -> Bool {
  let deadline = Time.monotonicSeconds + timeout
  while true {
    var entry = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
    let left = max(0, deadline - Time.monotonicSeconds)
    let count = poll(&entry, 1, CInt((left * 1000).rounded(.up)))
    if count < 0 && errno == EINTR { continue }
    guard count > 0 else { return false }
    var byte: UInt8 = 0
    return read(raw, &byte, 1) == 1
  }
}

func closeNow(_ descriptor: consuming FileDescriptor) {}
