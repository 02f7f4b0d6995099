import Glibc
import JSON
import Kubernetes
import Linux
import Testing

@testable import Lab

/// Pods with real sandboxes and packets on a node in a namespace; the API is in memory.
@Suite(.serialized) struct NodeRuntimeKernelTests {
  static let web: JSON = [
    "containers": [
      [
        "name": "server", "image": "nginx:1", "ports": [["containerPort": 8080, "name": "http"]],
        "readinessProbe": ["httpGet": ["path": "/healthz", "port": "http"], "periodSeconds": 1],
      ]
    ]
  ]

  private func get(_ node: TestNode, _ address: String?, _ path: String = "/") throws -> JSON {
    let answer = try node.run(["curl", "-s", "--max-time", "5", "http://\(address ?? "?"):8080\(path)"])
    return (try? JSON(parsing: answer.standardOutput)) ?? .null
  }

  @Test func podBecomesReadyAndAnswers() throws {
    let node = try TestNode("ready")
    defer { node.clean() }
    node.createPod("web-1", Self.web)
    try node.start()
    let pod = try node.waitForPod("web-1", "ready") { $0.isReadyPod }
    let address = try #require(pod.podIP)
    #expect(address.hasPrefix("10.244.1."))
    let answer = try get(node, address)
    #expect(answer["pod"] == "web-1")
    #expect(answer["container"] == "server")
    #expect(answer["address"].string == address)
    #expect(pod["status", "phase"] == "Running")
    #expect(pod["status", "hostIP"] == "192.168.77.11")
    #expect(pod["status", "podIPs"] == [["ip": .string(address)]])
    #expect(pod.container("server")["started"] == true)
    #expect(pod.container("server")["restartCount"] == 0)
    for type in ["Initialized", "ContainersReady", "PodScheduled"] { #expect(pod.condition(type) == "True") }
    // The oracle: the address is on eth0 in the sandbox's namespace.
    let sandbox = try #require(node.podDirectory(pod).sandbox())
    let links = try node.run(["nsenter", "-t", "\(sandbox.pid)", "-n", "ip", "-j", "address", "show", "dev", "eth0"])
    let shown = try JSON(parsing: links.standardOutput)
    #expect(shown[0]["addr_info"].elements.contains { $0["local"].string == address })
    // Name resolution inside.
    let inside = try #require(
      node.podDirectory(pod).execution(
        of: ["cat", "/etc/resolv.conf", "/etc/hosts"], in: "server", pauseProgram: node.configuration.pauseProgram))
    let files = try ChildProcess.run(inside.arguments, environment: inside.environment).output
    #expect(files.contains("nameserver 10.96.0.10"))
    #expect(files.contains("\(address)\tweb-1"))
    node.waitUntil("events are told") { !node.api.events("Started").isEmpty && !node.api.events("Created").isEmpty }
    // Nothing changes any more, so nothing is reported any more.
    let patches = node.api.statusPatches
    usleep(1_500_000)
    #expect(node.api.statusPatches == patches)
  }

  @Test func nodeIsRegisteredAndReadyOnceItHasANetwork() throws {
    let node = try TestNode("node", withNetwork: false)
    defer { node.clean() }
    node.configuration.isControlPlane = true
    node.createPod("web-1", Self.web)
    try node.start()
    func ready() -> String? {
      (node.api.object("/api/v1/nodes/node1") ?? .null).condition("Ready")
    }
    node.waitUntil("the node is there and not ready") { ready() == "False" }
    var object = try #require(node.api.object("/api/v1/nodes/node1"))
    #expect(object["metadata", "labels"].stringMap["node-role.kubernetes.io/control-plane"] == "")
    #expect(object["spec", "taints"][0]["effect"] == "NoSchedule")
    #expect(object["status", "capacity", "pods"] == "110")
    #expect(object["status", "addresses"][0]["address"] == "192.168.77.11")
    node.waitUntil("the pod says why it waits") { !node.api.events("NetworkNotReady").isEmpty }
    object["spec", "podCIDR"] = "10.244.1.0/24"
    node.api.put("/api/v1/nodes/node1", object)
    try node.writeNetwork()
    node.waitUntil("the node is ready") { ready() == "True" }
    node.waitUntil("there is a Lease") {
      node.api.object("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node1")?["spec", "renewTime"]
        .string
        != nil
    }
    try node.waitForPod("web-1", "ready") { $0.isReadyPod }
  }

  @Test func crashedContainerComesBackWithItsAddress() throws {
    let node = try TestNode("crash")
    defer { node.clean() }
    node.createPod("web-1", Self.web)
    try node.start()
    let address = try node.waitForPod("web-1", "ready") { $0.isReadyPod }.podIP
    _ = try get(node, address, "/_swiftlet/exit?code=3")
    let again = try node.waitForPod("web-1", "ready again") {
      $0.isReadyPod && $0.container("server")["restartCount"].int == 1
    }
    #expect(again.podIP == address)
    #expect(again.container("server")["lastState", "terminated", "exitCode"] == 3)
    #expect(again.container("server")["lastState", "terminated", "reason"] == "Error")
    #expect(try get(node, address)["pod"] == "web-1")
    // The second time it has to wait, and says so.
    _ = try get(node, address, "/_swiftlet/exit?code=4")
    try node.waitForPod("web-1", "in CrashLoopBackOff") {
      $0.container("server")["state", "waiting", "reason"].string == "CrashLoopBackOff" && !$0.isReadyPod
    }
    let third = try node.waitForPod("web-1", "ready a third time") {
      $0.isReadyPod && $0.container("server")["restartCount"].int == 2
    }
    #expect(third.podIP == address)
    node.waitUntil("the back-off is told") { !node.api.events("BackOff").isEmpty }
  }

  @Test func deletedPodLeavesNothing() throws {
    let node = try TestNode("delete")
    defer { node.clean() }
    node.createPod("web-1", Self.web)
    try node.start()
    let pod = try node.waitForPod("web-1", "ready") { $0.isReadyPod }
    let directory = node.podDirectory(pod)
    let sandbox = try #require(directory.sandbox())
    let container = try #require(directory.process("server"))
    try node.deletePod("web-1", grace: 30)
    node.waitUntil("the object is gone") { node.api.pod("web-1") == nil }
    #expect(ProcessHandle(sandbox) == nil)
    #expect(ProcessHandle(container) == nil)
    node.waitUntil("the state is gone") { !Files.exists(directory.path) }
    #expect(try Files.list("\(node.directory)/leases/swiftlet").filter { $0.hasPrefix("10.") } == [])
    let links = try JSON(parsing: try node.run(["ip", "-j", "link", "show", "type", "veth"]).standardOutput)
    #expect(links.elements.filter { $0["ifname"].string != nil } == [])
    if let group = node.configuration.controlGroup {
      #expect(!Files.exists("\(group)/\(directory.uid)"))
    }
  }

  @Test func podThatIgnoresSIGTERMIsKilledAfterItsGrace() throws {
    let node = try TestNode("grace")
    defer { node.clean() }
    node.createPod(
      "stubborn",
      [
        "containers": [
          [
            "name": "c", "image": "swiftlet.dev/host:1",
            "command": ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"],
          ]
        ]
      ])
    try node.start()
    let pod = try node.waitForPod("stubborn", "ready") { $0.isReadyPod }
    let process = try #require(node.podDirectory(pod).process("c"))
    usleep(200_000)  // the shell sets its trap
    try node.deletePod("stubborn", grace: 1)
    // It still runs, and is ready to its end.
    #expect(node.api.pod("stubborn")?.isReadyPod == true)
    #expect(ProcessHandle(process) != nil)
    node.waitUntil("the object is gone") { node.api.pod("stubborn") == nil }
    #expect(ProcessHandle(process) == nil)
  }

  @Test func runtimeThatStartsAgainGoesOnWithItsPods() throws {
    let node = try TestNode("adopt")
    defer { node.clean() }
    node.createPod("web-1", Self.web)
    node.createPod("web-2", Self.web)
    node.createPod("web-3", Self.web)
    try node.start()
    let pod = try node.waitForPod("web-1", "ready") { $0.isReadyPod }
    let second = try node.waitForPod("web-2", "ready") { $0.isReadyPod }
    let third = try node.waitForPod("web-3", "ready") { $0.isReadyPod }
    let sandbox = try #require(node.podDirectory(pod).sandbox())
    let process = try #require(node.podDirectory(pod).process("server"))
    node.stop()
    #expect(try get(node, pod.podIP)["pod"] == "web-1")
    // Meanwhile one container ends and one pod is deleted.
    let ended = try #require(node.podDirectory(second).process("server"))
    kill(ended.pid, SIGKILL)
    node.api.remove("/api/v1/namespaces/shop/pods/web-3")
    try node.start()
    try node.waitForPod("web-2", "ready again") { $0.isReadyPod && $0.container("server")["restartCount"].int == 1 }
    #expect(node.api.pod("web-2")?.podIP == second.podIP)
    node.waitUntil("the deleted pod is ended") { !Files.exists(node.podDirectory(third).path) }
    #expect(node.podDirectory(pod).sandbox() == sandbox)
    #expect(node.podDirectory(pod).process("server") == process)
    let now = try #require(node.api.pod("web-1"))
    #expect(now.isReadyPod)
    #expect(now.container("server")["restartCount"] == 0)
    let transition = { (pod: JSON) in
      pod["status", "conditions"].elements.first { $0["type"].string == "Ready" }?["lastTransitionTime"]
    }
    #expect(transition(now) == transition(pod), "readiness must not have flapped")
    // An adopted container that ends is started again all the same.
    kill(process.pid, SIGKILL)
    try node.waitForPod("web-1", "ready again") { $0.isReadyPod && $0.container("server")["restartCount"].int == 1 }
  }

  @Test func podsGoOnWithoutTheAPI() throws {
    let node = try TestNode("offline")
    defer { node.clean() }
    node.createPod("web-1", Self.web)
    try node.start()
    let pod = try node.waitForPod("web-1", "ready") { $0.isReadyPod }
    node.api.setDown(true)
    let process = try #require(node.podDirectory(pod).process("server"))
    kill(process.pid, SIGKILL)
    usleep(300_000)
    node.api.setDown(false)
    let again = try node.waitForPod("web-1", "ready again") {
      $0.isReadyPod && $0.container("server")["restartCount"].int == 1
    }
    #expect(again.podIP == pod.podIP)
  }

  @Test func deadSandboxIsMadeAnew() throws {
    let node = try TestNode("sandbox")
    defer { node.clean() }
    node.createPod("web-1", Self.web)
    try node.start()
    let pod = try node.waitForPod("web-1", "ready") { $0.isReadyPod }
    let sandbox = try #require(node.podDirectory(pod).sandbox())
    kill(sandbox.pid, SIGKILL)
    let again = try node.waitForPod("web-1", "ready again") {
      $0.isReadyPod && $0.container("server")["restartCount"].int == 1
    }
    #expect(try get(node, again.podIP)["pod"] == "web-1")
    #expect(again["status", "podIPs"].elements.count == 1)
  }

  @Test func missingConfigMapIsWaitedFor() throws {
    let node = try TestNode("config")
    defer { node.clean() }
    node.api.put(
      "/api/v1/namespaces/shop/services/cart",
      [
        "metadata": ["name": "cart", "namespace": "shop"],
        "spec": ["clusterIP": "10.96.3.4", "ports": [["port": 7070]]],
      ])
    node.createPod(
      "job",
      [
        "restartPolicy": "Never",
        "containers": [
          [
            "name": "c", "image": "host/sh",
            "command": ["sh", "-c", "echo $(COLOR) $SIZE $CART_SERVICE_HOST $IP; hostname"],
            "env": [
              ["name": "COLOR", "valueFrom": ["configMapKeyRef": ["name": "looks", "key": "color"]]],
              ["name": "SIZE", "valueFrom": ["secretKeyRef": ["name": "secret", "key": "size"]]],
              ["name": "IP", "valueFrom": ["fieldRef": ["fieldPath": "status.podIP"]]],
            ],
          ]
        ],
      ])
    try node.start()
    let waiting = try node.waitForPod("job", "waiting for its configuration") {
      $0.container("c")["state", "waiting", "reason"].string == "CreateContainerConfigError"
    }
    #expect(waiting.container("c")["state", "waiting", "message"] == "configmap \"looks\" not found")
    node.api.put(
      "/api/v1/namespaces/shop/configmaps/looks", ["metadata": ["name": "looks"], "data": ["color": "blue"]])
    node.api.put("/api/v1/namespaces/shop/secrets/secret", ["metadata": ["name": "secret"], "data": ["size": "WEw="]])
    let done = try node.waitForPod("job", "completed") { $0["status", "phase"].string == "Succeeded" }
    let log = try Files.readText(node.podDirectory(done).logFile("c"))
    #expect(log == "blue XL 10.96.3.4 \(waiting.podIP ?? "?")\njob\n")
    #expect(done.container("c")["state", "terminated", "reason"] == "Completed")
    #expect(done.condition("Ready") == "False")
    // It has given its address back.
    node.waitUntil("the sandbox has ended") { node.podDirectory(done).sandbox() == nil }
    try node.deletePod("job", grace: 30)
    node.waitUntil("the object is gone") { node.api.pod("job") == nil }
  }

  @Test func probesOfHostCommandsAreReal() throws {
    let node = try TestNode("probes")
    defer { node.clean() }
    let flag = "\(node.directory)/flag"
    node.createPod(
      "probed",
      [
        "containers": [
          [
            "name": "c", "image": "any", "command": ["sleep", "1000"],
            "readinessProbe": [
              "exec": ["command": ["test", "-e", .string(flag)]], "periodSeconds": 1, "failureThreshold": 1,
            ],
            "livenessProbe": [
              "exec": ["command": ["test", "!", "-e", .string("\(flag).dead")]], "periodSeconds": 1,
              "failureThreshold": 1,
            ],
          ]
        ]
      ], annotations: ["swiftlet.dev/run": "host"])
    try node.start()
    try node.waitForPod("probed", "running") { !$0.container("c")["state", "running"].isNull }
    node.waitUntil("the failing probe is told") { !node.api.events("Unhealthy").isEmpty }
    #expect(node.api.pod("probed")?.isReadyPod == false)
    try Files.write(flag, "")
    try node.waitForPod("probed", "ready") { $0.isReadyPod }
    try Files.remove(flag)
    try node.waitForPod("probed", "not ready") { !$0.isReadyPod }
    try Files.write("\(flag).dead", "")
    try node.waitForPod("probed", "killed by its liveness probe") { $0.container("c")["restartCount"].int ?? 0 > 0 }
    #expect(node.api.events("Killing").contains { $0["message"].string?.contains("liveness") == true })
  }

  @Test func standInsProbesAreReplacedAndSaidSo() throws {
    let node = try TestNode("replaced")
    defer { node.clean() }
    node.createPod(
      "shop",
      [
        "initContainers": [["name": "prepare", "image": "busybox", "command": ["sh"]]],
        "containers": [
          [
            "name": "grpc", "image": "x", "ports": [["containerPort": 9555]],
            "lifecycle": ["preStop": ["exec": ["command": ["nginx", "-s", "quit"]]]],
            "startupProbe": ["exec": ["command": ["true"]], "periodSeconds": 1],
            "readinessProbe": ["grpc": ["port": 9555], "periodSeconds": 1],
          ],
          ["name": "idle", "image": "y"],
        ], "volumes": [["name": "data", "emptyDir": [:]]],
      ])
    try node.start()
    let pod = try node.waitForPod("shop", "ready") { $0.isReadyPod }
    #expect(pod["status", "initContainerStatuses"][0]["state", "terminated", "reason"] == "Completed")
    node.waitUntil("all is told") {
      node.api.events("ProbeReplaced").count == 2 && node.api.events("VolumesSkipped").count == 1
        && node.api.events("InitContainerCompleted").count == 1
    }
    try node.deletePod("shop", grace: 5)
    node.waitUntil("the hook is told") { node.api.events("HookReplaced").count == 1 }
    node.waitUntil("the object is gone") { node.api.pod("shop") == nil }
    #expect(node.api.events("FailedPreStopHook").isEmpty)
  }

  @Test func hostNetworkPodHasTheNodesAddress() throws {
    let node = try TestNode("hostnet")
    defer { node.clean() }
    var spec = Self.web
    spec["hostNetwork"] = true
    node.createPod("agent", spec)
    try node.start()
    let pod = try node.waitForPod("agent", "ready") { $0.isReadyPod }
    #expect(pod.podIP == "192.168.77.11")
    #expect(try get(node, "192.168.77.11")["pod"] == "agent")
    try node.deletePod("agent", grace: 1)
    node.waitUntil("the object is gone") { node.api.pod("agent") == nil }
  }

  @Test func failingNetworkIsTriedAgain() throws {
    let node = try TestNode("failing", withNetwork: false)
    defer { node.clean() }
    try Files.write(
      "\(node.configuration.networkConfigurationDirectory)/10-x.conflist",
      (["cniVersion": "1.0.0", "name": "x", "plugins": [["type": "no-such-plugin"]]] as JSON).bytes())
    node.createPod("web-1", Self.web)
    try node.start()
    node.waitUntil("the failure is told") { !node.api.events("FailedCreatePodSandBox").isEmpty }
    #expect(node.api.events("FailedCreatePodSandBox")[0]["message"].string?.contains("no-such-plugin") == true)
    try Files.remove("\(node.configuration.networkConfigurationDirectory)/10-x.conflist")
    try node.writeNetwork()
    try node.waitForPod("web-1", "ready") { $0.isReadyPod }
  }
}
