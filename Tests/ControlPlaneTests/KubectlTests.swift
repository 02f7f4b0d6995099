import ControlPlane
import Glibc
import JSON
import Kubernetes
import Linux
import Testing

/// Every kubectl that is installed, against a server on 127.0.0.1: what people type, and what they must see.
@Suite("kubectl", .serialized)
struct KubectlTests {
  /// `KUBECTL`, those in PATH, and the newest of the Google Cloud SDK, which ships one a minor version; with
  /// `KUBECTL_ALL` set all of them.
  static let programs: [String] = {
    var candidates: [String] = []
    if let named = getenv("KUBECTL") { candidates.append(String(cString: named)) }
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin"
    candidates += path.split(separator: ":").map { "\($0)/kubectl" }
    let shipped: [String] = (20...40).map { "/usr/lib/google-cloud-sdk/bin/kubectl.1.\($0)" }.filter { (path: String) in
      access(path, X_OK) == 0
    }
    candidates += getenv("KUBECTL_ALL") == nil ? shipped.suffix(1) : shipped
    var seen: Set<String> = []
    return candidates.filter { program in
      guard let real = realpath(program, nil) else { return false }
      defer { free(real) }
      return access(program, X_OK) == 0 && seen.insert(String(cString: real)).inserted
    }
  }()

  @Test func atLeastOneIsInstalled() {
    #expect(!Self.programs.isEmpty, "install kubernetes-client, or name a kubectl in the variable KUBECTL")
  }

  /// A command and parts of what it must print; with `fails`, that it must fail.
  struct Step: Sendable {
    let command: String
    let prints: [String]
    var fails = false
    var editor = ""
    var leastMinor = 0
  }

  static let manifest = """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web, labels: {app: web}}
    spec:
      replicas: 2
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec:
          containers:
          - {name: web, image: "nginx:1", ports: [{containerPort: 80}], env: [{name: A, value: "1"}]}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec: {selector: {app: web}, ports: [{port: 80, name: http}, {port: 53, protocol: UDP, name: dns}]}
    """

  static let steps: [Step] = [
    Step(command: "version", prints: ["v1.36.0+swiftlet"]),
    Step(command: "api-resources", prints: ["deployments", "deploy", "networking.k8s.io/v1"]),
    Step(command: "api-resources --verbs=list,watch -o name", prints: ["endpointslices.discovery.k8s.io"]),
    Step(command: "get all -A", prints: ["service/kubernetes", "10.96.0.1", "443/TCP"]),
    Step(command: "create namespace shop", prints: ["namespace/shop created"]),
    Step(command: "apply -f MANIFEST", prints: ["deployment.apps/web created", "service/web created"]),
    Step(command: "apply -f MANIFEST", prints: ["deployment.apps/web unchanged", "service/web unchanged"]),
    Step(command: "diff -f MANIFEST", prints: [""]),
    Step(command: "get deploy web", prints: ["NAME", "READY", "UP-TO-DATE", "0/2"]),
    Step(command: "get svc -o wide", prints: ["CLUSTER-IP", "SELECTOR", "80/TCP,53/UDP", "app=web"]),
    Step(command: "get deploy web -o yaml", prints: ["progressDeadlineSeconds: 600", "maxSurge: 25%"]),
    Step(command: "get deploy web -o json", prints: ["\"kind\": \"Deployment\""]),
    Step(command: "get deploy -l app=web -o name", prints: ["deployment.apps/web"]),
    Step(command: "get deploy -l app!=web", prints: ["No resources found in default namespace."]),
    Step(command: "describe deploy web", prints: ["Replicas:", "2 desired", "25% max unavailable"]),
    Step(command: "describe svc web", prints: ["IP Families:", "53/UDP", "Endpoints:"]),
    Step(command: "scale deploy web --replicas 5", prints: ["deployment.apps/web scaled"]),
    Step(command: "get deploy web", prints: ["0/5"]),
    Step(command: "label deploy web tier=front", prints: ["deployment.apps/web labeled"]),
    Step(command: "annotate deploy web note=hi", prints: ["deployment.apps/web annotate"]),
    Step(
      command: #"patch deploy web -p {"spec":{"template":{"spec":{"containers":[{"name":"web","image":"nginx:2"}]}}}}"#,
      prints: ["deployment.apps/web patched"]),
    Step(
      command:
        "get deploy web -o jsonpath={.spec.template.spec.containers[0].image}{.spec.template.spec.containers[0].env}",
      prints: ["nginx:2", "\"A\""]),
    Step(
      command: #"patch deploy web --type json -p [{"op":"replace","path":"/spec/replicas","value":1}]"#,
      prints: ["patched"]),
    Step(command: #"patch deploy web --type merge -p {"spec":{"paused":true}}"#, prints: ["patched"]),
    Step(command: "edit deploy web", prints: ["deployment.apps/web edited"], editor: "sed -i s/nginx:2/nginx:3/"),
    Step(command: "set image deploy/web web=nginx:4", prints: ["image updated"]),
    Step(command: "rollout pause deploy/web", prints: ["already paused"], fails: true),
    Step(command: "create deployment other --image=redis:7", prints: ["deployment.apps/other created"]),
    Step(command: "get deploy other -o wide", prints: ["redis", "redis:7", "app=other"]),
    Step(command: "create configmap cm --from-literal=a=b", prints: ["configmap/cm created"]),
    Step(command: "get cm cm -o jsonpath={.data.a}", prints: ["b"]),
    Step(command: "create secret generic sec --from-literal=a=b", prints: ["secret/sec created"]),
    Step(command: "get secret sec -o jsonpath={.data.a}", prints: ["Yg=="]),
    Step(command: "create serviceaccount robot", prints: ["serviceaccount/robot created"]),
    Step(command: "create job once --image=busybox -- true", prints: ["job.batch/once created"]),
    Step(command: "create service nodeport np --tcp=80:8080", prints: ["service/np created"]),
    Step(command: "get svc np", prints: ["NodePort", "80:3"]),
    Step(command: "create ingress ing --rule=a.example.com/*=web:80,tls=sec", prints: ["ing created"]),
    Step(command: "get ing", prints: ["a.example.com", "80, 443"]),
    Step(command: "create role reader --verb=get --resource=pods", prints: ["reader created"]),
    Step(command: "create rolebinding rb --role=reader --user=x", prints: ["rb created"]),
    Step(command: "autoscale deploy web --min=1 --max=3", prints: ["autoscaled"]),
    Step(command: "auth can-i get pods", prints: ["yes"]),
    Step(command: "auth whoami", prints: ["kubernetes-admin"], leastMinor: 28),
    Step(command: "run single --image=nginx", prints: ["pod/single created"]),
    Step(command: "get pods", prints: ["single", "0/1", "Pending"]),
    Step(command: "describe pod single", prints: ["QoS Class:", "BestEffort"]),
    Step(command: "explain deployment.spec", prints: ["revisionHistoryLimit"], leastMinor: 27),
    Step(command: "create -f BROKEN", prints: ["spec.ports: Required value"], fails: true),
    Step(command: "create -f STRICT", prints: ["unknown field \"spec.bogus\""], fails: true, leastMinor: 27),
    Step(command: "get deploy nothing", prints: ["deployments.apps \"nothing\" not found"], fails: true),
    Step(command: "create namespace shop", prints: ["namespaces \"shop\" already exists"], fails: true),
    Step(command: "delete pod single --now", prints: ["pod \"single\" deleted"]),
    Step(command: "delete -f MANIFEST", prints: ["deployment.apps \"web\" deleted", "service \"web\" deleted"]),
    Step(command: "wait --for=delete deploy/web --timeout=10s", prints: [], leastMinor: 27),
    Step(command: "apply --server-side -f MANIFEST", prints: ["deployment.apps/web serverside-applied"]),
    Step(command: "scale deploy web --replicas 7", prints: ["scaled"]),
    Step(
      command: "apply --server-side -f MANIFEST", prints: ["Apply failed with 1 conflict", ".spec.replicas"],
      fails: true),
    Step(command: "apply --server-side --force-conflicts -f MANIFEST", prints: ["serverside-applied"]),
    Step(command: "get deploy web", prints: ["0/2"]),
    Step(command: "replace -f MANIFEST", prints: ["deployment.apps/web replaced"]),
    Step(command: "delete deploy,svc -l app=web", prints: ["deployment.apps \"web\" deleted"]),
  ]

  @Test(arguments: programs)
  func everyday(_ kubectl: String) throws {
    let server = try ServingFixture()
    let folder = server.api.folder
    try Files.write(folder + "/manifest.yaml", Self.manifest)
    try Files.write(
      folder + "/broken.json",
      #"{"apiVersion":"v1","kind":"Service","metadata":{"name":"bad"},"spec":{"type":"ClusterIP"}}"#)
    try Files.write(
      folder + "/strict.json", #"{"apiVersion":"v1","kind":"Service","metadata":{"name":"bad"},"spec":{"bogus":1}}"#)
    let minor = try Self.minorVersion(kubectl, server)
    for step in Self.steps where minor >= step.leastMinor {
      let arguments = step.command.split(separator: " ").map { word in
        switch word {
        case "MANIFEST": folder + "/manifest.yaml"
        case "BROKEN": folder + "/broken.json"
        case "STRICT": folder + "/strict.json"
        default: String(word)
        }
      }
      let result = try server.run([kubectl] + arguments, environment: ["EDITOR": step.editor])
      let output = result.output + result.errorOutput
      #expect(result.status.isSuccess != step.fails, "kubectl 1.\(minor) \(step.command): \(output)")
      for part in step.prints where !part.isEmpty {
        #expect(output.contains(part), "kubectl 1.\(minor) \(step.command): \(output)")
      }
    }
  }

  @Test(arguments: programs)
  func followsWhatHappens(_ kubectl: String) throws {
    let server = try ServingFixture()
    try server.api.create(APIFixture.deployments, APIFixture.deployment("d"))
    let ready = Thread("status") {
      usleep(500_000)
      let status: JSON = [
        "status": [
          "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
          "conditions": [["type": "Available", "status": "True"]],
        ]
      ]
      _ = try? server.api.send(
        "PATCH", APIFixture.deployments + "/d/status", status, type: "application/merge-patch+json")
    }
    let rollout = try server.run([kubectl, "rollout", "status", "deploy/d", "--timeout=30s"])
    #expect(rollout.output.contains("successfully rolled out"), "\(rollout.errorOutput)")
    let wait = try server.run([kubectl, "wait", "--for=condition=Available", "deploy/d", "--timeout=30s"])
    #expect(wait.output.contains("condition met"), "\(wait.errorOutput)")
    ready.join()

    let output = server.api.folder + "/watch"
    let file = try FileDescriptor.open(output, O_WRONLY | O_CREAT)
    let watch = try ChildProcess(
      [kubectl, "get", "configmaps", "-w"], environment: ["KUBECONFIG": server.kubeconfig, "HOME": server.api.folder],
      standardOutput: .descriptor(file.raw))
    defer { watch.stop(grace: 0) }
    try server.api.create(APIFixture.configMaps, ["metadata": ["name": "first"]])
    try waitFor("first", in: output)
    try server.api.create(APIFixture.configMaps, ["metadata": ["name": "second"], "data": ["a": "b"]])
    try waitFor("second", in: output)
    let lines = try Files.readText(output).split(separator: "\n")
    #expect(lines.filter { $0.hasPrefix("NAME") }.count == 1)
  }

  private func waitFor(_ text: String, in path: String) throws {
    for _ in 0..<300 {
      if try Files.readText(path).contains(text) { return }
      usleep(100_000)
    }
    Issue.record("\(text) did not appear")
  }

  static func minorVersion(_ kubectl: String, _ server: ServingFixture) throws -> Int {
    let json = try JSON(parsing: server.run([kubectl, "version", "--client", "-o", "json"]).standardOutput)
    return Int(json["clientVersion", "minor"].string?.prefix { $0.isNumber } ?? "") ?? 0
  }
}
