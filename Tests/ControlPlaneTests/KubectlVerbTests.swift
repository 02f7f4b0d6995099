import ControlPlane
import Glibc
import JSON
import Kubernetes
import Linux
import Testing

/// Every verb people use, with every kubectl that is installed, each group of commands on a server of its own.
@Suite("kubectl, every verb", .serialized)
struct KubectlVerbTests {
  static let programs = KubectlTests.programs

  /// The Deployment, Service, ConfigMap and pods that the scripts begin with.
  private static let manifest = """
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: settings, labels: {app: web}}
    data: {color: blue}
    ---
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web, labels: {app: web}}
    spec:
      replicas: 2
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec:
          containers: [{name: web, image: "nginx:1", ports: [{containerPort: 80}]}]
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: web, labels: {app: web}}
    spec: {selector: {app: web}, ports: [{port: 80, name: http}]}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: one, labels: {app: one}}
    spec: {nodeName: n1, containers: [{name: c, image: x}]}
    """

  /// A script: lines of kubectl commands; `!` before one that must fail, `~` before one only clients of 1.27 and later
  /// know, and after ` => ` what the output must contain, parts separated by ` & `.
  struct Script: Sendable, CustomTestStringConvertible {
    let name: String
    let lines: String
    var testDescription: String { name }
  }

  static let scripts: [Script] = [
    Script(
      name: "create",
      lines: """
        create namespace shop => namespace/shop created
        create deployment d --image=nginx --port=80 => deployment.apps/d created
        create service clusterip a --tcp=80:8080 => service/a created
        create service nodeport b --tcp=80 => service/b created
        create service loadbalancer c --tcp=443:8443 => service/c created
        create service externalname e --external-name=example.com => service/e created
        get svc e => ExternalName & example.com
        get svc c => <pending>
        create configmap cm --from-literal=a=1 --from-literal=b=2 => configmap/cm created
        get cm cm => DATA
        create secret generic s --from-literal=a=1 => secret/s created
        create secret docker-registry r --docker-server=x --docker-username=u --docker-password=p => secret/r created
        get secret r => kubernetes.io/dockerconfigjson
        create serviceaccount robot => serviceaccount/robot created
        ~create token robot => eyJ
        ~create token robot --duration=20m --audience=x => eyJ
        create job once --image=busybox -- true => job.batch/once created
        create cronjob daily --image=busybox --schedule=@daily -- true => cronjob.batch/daily created
        ~create job manual --from=cronjob/daily => job.batch/manual created
        create ingress i --rule=a.example.com/=a:80 => i created
        create role reader --verb=get,list --resource=pods,configmaps => reader created
        create rolebinding rb --role=reader --user=jane --serviceaccount=default:robot => rb created
        create clusterrole cr --verb=get --resource=nodes => cr created
        create clusterrolebinding crb --clusterrole=cr --group=staff => crb created
        create poddisruptionbudget pdb --selector=app=web --min-available=1 => pdb created
        create priorityclass high --value=1000 --description=x => high created
        create quota q --hard=pods=10 => q created
        create configmap cm --from-literal=a=1 --dry-run=client -o yaml => kind: ConfigMap
        create configmap dry --from-literal=a=1 --dry-run=server => configmap/dry created (server dry run)
        !get cm dry => not found
        !create configmap cm --from-literal=a=1 => configmaps "cm" already exists
        !create namespace Shop => a lowercase RFC 1123 label
        !create configmap x -n nowhere => namespaces "nowhere" not found
        get all,cm,secret,sa,ing,role,rolebinding,pdb,quota,cronjob => deployment.apps/d & cronjob.batch/daily
        get clusterrole,clusterrolebinding,priorityclass => cr & high
        """),
    Script(
      name: "get",
      lines: """
        create -f MANIFEST => pod/one created
        get pods => NAME & READY & STATUS & RESTARTS & one
        get pods -o wide => IP & NODE & NOMINATED & n1
        get pods -A => NAMESPACE & default
        get pods --no-headers => one
        get pods --show-labels => LABELS & app=one
        get pods -L app => APP
        get pods --sort-by=.metadata.name => one
        get pods -o name => pod/one
        get pods -o jsonpath={.items[*].metadata.name} => one
        get pods -o custom-columns=N:.metadata.name,P:.status.phase => N & one & Pending
        get pods -o go-template={{range.items}}{{.metadata.name}}{{end}} => one
        get pods -o json => "kind": "List"
        get pod/one svc/web -o name => pod/one & service/web
        get pods -l app=one => one
        get pods -l app!=one => No resources found in default namespace.
        get pods -l app\u{A0}in\u{A0}(one,web) => one
        get pods --field-selector=spec.nodeName=n1 => one
        get pods --field-selector=status.phase!=Pending => No resources found
        !get pods --field-selector=spec.bogus=1 => field label not supported
        get pods --chunk-size=1 => one
        get deploy web -o yaml => apiVersion: apps/v1
        get deploy web -o jsonpath={.spec.replicas} => 2
        get deploy,svc,cm -l app=web => deployment.apps/web & service/web & configmap/settings
        get pod nothing --ignore-not-found =>
        !get pod nothing => pods "nothing" not found
        !get nosuch => the server doesn't have a resource type "nosuch"
        get --raw /version => v1.36.0+swiftlet
        get --raw /readyz => ok
        get --raw /api/v1/namespaces/default/pods/one => "kind":"Pod"
        get ns => kube-system & Active
        get events => No resources found
        """),
    Script(
      name: "describe",
      lines: """
        create -f MANIFEST => pod/one created
        create role reader --verb=get --resource=pods =>
        create rolebinding rb --role=reader --user=jane =>
        create cronjob daily --image=busybox --schedule=@daily -- true =>
        create job once --image=busybox -- true =>
        create ingress i --rule=a.example.com/=web:80 =>
        create poddisruptionbudget pdb --selector=app=web --min-available=1 =>
        create priorityclass high --value=1000 =>
        create quota q --hard=pods=10 =>
        create secret generic s --from-literal=a=1 =>
        create serviceaccount robot =>
        autoscale deploy web --min=1 --max=3 --cpu-percent=50 => autoscaled
        create -f NODE => node/n1 created
        create -f POLICY => networkpolicy.networking.k8s.io/p created & endpointslice.discovery.k8s.io/sl created
        describe pod one => Name: & one & n1 & QoS Class: & Events:
        describe deploy web => 2 desired & RollingUpdate & nginx:1
        describe svc web => Selector: & app=web & IP Families: & 80/TCP
        describe cm settings => color: & blue
        describe secret s => Opaque & 1 byte
        describe sa robot => robot
        describe ns default => Active & No LimitRange
        describe node n1 => Roles: & Taints: & Non-terminated Pods: & one
        describe job once => Completions: & busybox
        describe cronjob daily => @daily
        describe ing i => a.example.com & web:80
        describe pdb pdb => Min available: & 1
        describe quota q => q
        describe role reader => pods & [get]
        describe rolebinding rb => Role: & jane
        describe clusterrole view => configmaps
        describe clusterrolebinding cluster-admin => system:masters
        describe priorityclass high => 1000
        describe hpa web => Deployment/web & 50%
        describe netpol p => PodSelector: & app=web
        describe endpointslice sl => IPv4 & 10.0.0.1
        describe endpoints kubernetes => 192.168.77.2
        describe pods => one
        describe pods -l app=one => one
        !describe pod nothing => not found
        """),
    Script(
      name: "change",
      lines: """
        apply -f MANIFEST => deployment.apps/web created & pod/one created
        apply -f MANIFEST => deployment.apps/web unchanged & pod/one unchanged
        diff -f MANIFEST =>
        label deploy web tier=front => labeled
        !label deploy web tier=back => --overwrite
        label deploy web tier=back --overwrite => labeled
        label deploy web tier- =>
        annotate deploy web note=hi => annotated
        annotate deploy web note- =>
        set image deploy/web web=nginx:2 => image updated
        set env deploy/web A=1 => env updated
        set resources deploy/web --limits=cpu=100m => resource requirements updated
        set serviceaccount deploy/web robot => serviceaccount updated
        set selector svc/web app=other => selector updated
        get svc web -o jsonpath={.spec.selector} => other
        patch deploy web -p {"spec":{"replicas":3}} => patched
        patch deploy web --type=merge -p {"spec":{"replicas":4}} => patched
        patch deploy web --type=json -p [{"op":"replace","path":"/spec/replicas","value":5}] => patched
        patch deploy web -p {"spec":{"replicas":5}} => (no change)
        ~patch deploy web --subresource=scale --type=merge -p {"spec":{"replicas":6}} => patched
        ~get deploy web --subresource=scale => NAME
        ~patch pod one --subresource=status --type=merge -p {"status":{"phase":"Running"}} => patched
        !patch deploy web --type=json -p [{"op":"test","path":"/spec/replicas","value":1}] => The request is invalid
        scale deploy web --replicas=2 => scaled
        !scale deploy web --current-replicas=7 --replicas=1 => Expected replicas to be 7, was 2
        scale --replicas=1 -f SCALABLE => scaled
        autoscale deploy web --min=1 --max=3 => autoscaled
        get hpa => Deployment/web
        edit cm settings => edited
        get cm settings -o jsonpath={.data.color} => red
        expose deploy web --port=80 --target-port=8080 --name=exposed => service/exposed exposed
        get svc exposed => ClusterIP
        run single --image=nginx --port=80 --labels=app=single => pod/single created
        run shown --image=nginx --expose --port=80 => service/shown created & pod/shown created
        replace -f REPLACED => configmap/settings replaced
        get cm settings -o jsonpath={.data} => green
        replace --force -f REPLACED => replaced
        apply view-last-applied deploy/web => nginx
        apply set-last-applied -f REPLACED --create-annotation => settings
        """),
    Script(
      name: "rollout",
      lines: """
        create deployment web --image=nginx:1 => created
        rollout pause deploy/web => paused
        !rollout pause deploy/web => already paused
        rollout resume deploy/web => resumed
        rollout restart deploy/web => restarted
        rollout history deploy/web => deployment.apps/web
        create -f WORKLOADS => statefulset.apps/db created & daemonset.apps/agent created
        rollout restart sts/db => restarted
        rollout restart ds/agent => restarted
        rollout history sts/db => statefulset.apps/db
        get sts,ds => 0/1 & DESIRED
        describe sts db => Replicas:
        describe ds agent => Desired Number
        delete sts db --cascade=orphan --wait=false => deleted
        """),
    Script(
      name: "nodes",
      lines: """
        create -f NODE => node/n1 created
        create -f MANIFEST => pod/one created
        get nodes => n1 & Unknown
        cordon n1 => node/n1 cordoned
        get nodes => SchedulingDisabled
        get nodes --field-selector=spec.unschedulable=true => n1
        uncordon n1 => node/n1 uncordoned
        taint nodes n1 dedicated=db:NoSchedule => tainted
        !taint nodes n1 dedicated=web:NoSchedule => already has
        taint nodes n1 dedicated=web:NoSchedule --overwrite => modified
        taint nodes n1 dedicated- => untainted
        label node n1 disk=ssd => labeled
        !drain n1 => cannot delete
        drain n1 --force --grace-period=0 --timeout=30s => evict & node/n1
        !get pod one => not found
        """),
    Script(
      name: "delete",
      lines: """
        create -f MANIFEST => pod/one created
        delete pod one --grace-period=0 --force => pod "one"
        delete cm settings --dry-run=server => (server dry run)
        delete cm settings => configmap "settings" deleted
        delete deploy web --cascade=foreground --wait=false => deleted
        delete svc -l app=web => service "web" deleted
        delete deploy --all --wait=false => 
        create cm a --from-literal=a=1 =>
        create cm b --from-literal=a=1 =>
        delete cm a b => configmap "a" deleted & configmap "b" deleted
        create -f HELD => held created
        delete cm held --wait=false => configmap "held" deleted
        get cm held -o jsonpath={.metadata.deletionTimestamp} => T
        patch cm held --type=merge -p {"metadata":{"finalizers":null}} => patched
        !get cm held => not found
        !delete cm nothing => not found
        delete cm nothing --ignore-not-found =>
        delete -f MANIFEST --ignore-not-found =>
        !delete ns kube-public --dry-run=server => this namespace may not be deleted
        """),
    Script(
      name: "server-side apply",
      lines: """
        apply -f MANIFEST => created
        ~apply --server-side -f MANIFEST => serverside-applied
        ~apply --server-side --field-manager=other --force-conflicts -f REPLACED => serverside-applied
        ~!apply --server-side -f REPLACED2 => Apply failed with 1 conflict & conflict with "other" using v1: .data.color
        ~apply --server-side --dry-run=server --force-conflicts -f REPLACED2 => serverside-applied (server dry run)
        ~get cm settings --show-managed-fields -o yaml => manager: other & operation: Apply
        ~apply --server-side -f NEW => serverside-applied
        ~diff --server-side --force-conflicts -f NEW =>
        ~apply view-last-applied deploy/web => nginx
        """),
    Script(
      name: "ask",
      lines: """
        version => v1.36.0+swiftlet
        cluster-info => 127.0.0.1
        api-resources => pods & deployments & networkpolicies & endpointslices
        api-resources --namespaced=false => nodes & namespaces
        api-resources --api-group=apps => statefulsets
        api-resources --verbs=watch -o wide => SHORTNAMES
        api-versions => apps/v1 & networking.k8s.io/v1 & rbac.authorization.k8s.io/v1
        explain pod => KIND: & Pod & spec
        explain pod.spec.containers => image & ports
        explain deployment.spec.replicas => integer
        explain svc --recursive => clusterIP & nodePort
        explain networkpolicy.spec.ingress => from
        explain netpol --api-version=networking.k8s.io/v1 => spec
        !explain pod.spec.bogus => does not exist
        auth can-i get pods => yes
        auth can-i get pods -A => yes
        auth can-i * * => yes
        auth can-i --list => *.*
        !auth can-i get pods --as=jane => no
        !auth can-i get pods --subresource=log --as=jane => no
        auth can-i get /version --as=jane => yes
        auth can-i --list --as=jane => selfsubjectaccessreviews
        create role reader --verb=get --resource=pods =>
        create rolebinding rb --role=reader --user=jane =>
        auth can-i get pods --as=jane => yes
        !auth can-i list pods --as=jane => no
        !auth can-i get pods --as=jane -n kube-system => no
        !get pods --as=jane => pods is forbidden: User "jane" cannot list resource "pods"
        auth can-i get nodes --as=x --as-group=system:masters => yes
        auth reconcile -f ROLES => reconciled
        ~auth whoami => kubernetes-admin & system:masters
        ~auth whoami --as=jane => jane
        ~events => No events found
        config view => server: https://127.0.0.1
        """),
  ]

  private static let files: [String: String] = [
    "MANIFEST": manifest,
    "REPLACED":
      "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, labels: {app: web}}, data: {color: green}}",
    "REPLACED2": "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {color: black}}",
    "NEW": "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: new}, data: {color: white}}",
    "HELD": "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [example.com/hold]}}",
    "NODE": "---\n{apiVersion: v1, kind: Node, metadata: {name: n1}}",
    "SCALABLE": "---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}",
    "ROLES": """
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: more, namespace: default}
    rules: [{apiGroups: [""], resources: [pods], verbs: [list]}]
    """,
    "POLICY": """
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: p}
    spec: {podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]}
    ---
    apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: sl, labels: {kubernetes.io/service-name: web}}
    addressType: IPv4
    ports: [{name: http, port: 80}]
    endpoints: [{addresses: [10.0.0.1], nodeName: n1, zone: z, conditions: {ready: true}}]
    """,
    "WORKLOADS": """
    apiVersion: apps/v1
    kind: StatefulSet
    metadata: {name: db}
    spec:
      serviceName: db
      selector: {matchLabels: {app: db}}
      template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: x}]}}
    ---
    apiVersion: apps/v1
    kind: DaemonSet
    metadata: {name: agent}
    spec:
      selector: {matchLabels: {app: agent}}
      template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: c, image: x}]}}
    """,
  ]

  @Test(arguments: programs, scripts)
  func everyVerb(_ kubectl: String, _ script: Script) throws {
    let server = try ServingFixture()
    let folder = server.api.folder
    for (name, text) in Self.files { try Files.write("\(folder)/\(name).yaml", text) }
    let minor = try KubectlTests.minorVersion(kubectl, server)
    for line in script.lines.split(separator: "\n") {
      var line = String(line)
      if line.hasPrefix("~") {
        if minor < 27 { continue }
        line.removeFirst()
      }
      let fails = line.hasPrefix("!")
      if fails { line.removeFirst() }
      guard let arrow = line.firstRange(of: " =>") else { continue }
      let command = String(line[..<arrow.lowerBound])
      let wanted = line[arrow.upperBound...].split(separator: " & ").map { String($0.drop { $0 == " " }) }
      let arguments = command.split(separator: " ").map { word -> String in
        let word = String(word).replacing("\u{A0}", with: " ")
        return Self.files[word] == nil ? word : "\(folder)/\(word).yaml"
      }
      let result = try server.run([kubectl] + arguments, environment: ["EDITOR": "sed -i s/blue/red/"])
      let output = result.output + result.errorOutput
      #expect(result.status.isSuccess != fails, "kubectl 1.\(minor) \(command): \(output)")
      for part in wanted where !part.isEmpty {
        #expect(output.contains(part), "kubectl 1.\(minor) \(command): \(output)")
      }
    }
  }
}
