internal import Diagnosis
internal import JSON
internal import Kubernetes

/// The objects that whoever installs Swiftlet on a cluster would apply: they say what the agents serve.
enum ClusterAddons {
  /// The Service whose address the nodes' own name servers answer at. It has no endpoints: no packet to it leaves a node.
  static func dnsService(_ lab: LabConfiguration) -> KubernetesObject {
    var service = KubernetesObject(.services, namespace: "kube-system", name: "kube-dns")
    service.labels = ["k8s-app": "kube-dns", "kubernetes.io/name": "CoreDNS"]
    service.spec = [
      "clusterIP": .string("\(lab.ranges.dnsServiceAddress)"),
      "clusterIPs": .array(lab.ranges.dnsServiceAddresses.map { .string("\($0)") }),
      "ipFamilies": .array(lab.families.map { .string($0.name) }),
      "ipFamilyPolicy": lab.families.count > 1 ? "RequireDualStack" : "SingleStack",
      "ports": [
        ["name": "dns", "port": 53, "protocol": "UDP"], ["name": "dns-tcp", "port": 53, "protocol": "TCP"],
      ],
    ]
    return service
  }

  /// Ingresses without a class are the gateway's.
  static var ingressClass: KubernetesObject {
    var ingressClass = KubernetesObject(.ingressClasses, name: "swiftlet")
    ingressClass.annotations = ["ingressclass.kubernetes.io/is-default-class": "true"]
    ingressClass.spec = ["controller": "swiftlet.dev/ingress"]
    return ingressClass
  }

  static func install(_ lab: LabConfiguration, _ client: APIClient) throws {
    for (type, object) in [(ResourceType.services, dnsService(lab)), (.ingressClasses, ingressClass)] {
      if try client.find(type, namespace: object.namespace, name: object.name) == nil {
        try client.create(type, object)
      }
    }
  }
}
