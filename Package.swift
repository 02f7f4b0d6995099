// swift-tools-version: 6.2
import PackageDescription

// The house and its rules are in docs/architecture.md: arrows point down only, planes never import one another.

// MemberImportVisibility stays off: C types that both Glibc and CLinux declare (timespec, sockaddr) belong to whichever
// module the compiler happened to load first, so that the same file is right in one build and wrong in the next.
let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

/// A room of the house: a library target with the project's settings.
func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// A C library of Debian's, found through pkg-config.
func system(_ name: String, _ pkgConfig: String, _ package: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([package])])
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
  name: "swiftlet",
  products: [
    .executable(name: "swiftlet", targets: ["swiftlet"]),
    .executable(name: "swiftlet-cni", targets: ["swiftlet-cni"]),
    .executable(name: "swiftlet-pause", targets: ["swiftlet-pause"]),
  ],
  targets: [
    // Ground: C
    .target(name: "CLinux"),
    system("CSQLite", "sqlite3", "libsqlite3-dev"),
    system("CYAML", "yaml-0.1", "libyaml-dev"),
    system("COpenSSL", "openssl", "libssl-dev"),
    system("CCurl", "libcurl", "libcurl4-openssl-dev"),
    system("CZlib", "zlib", "zlib1g-dev"),
    system("CNghttp2", "libnghttp2", "libnghttp2-dev"),
    system("CMicrohttpd", "libmicrohttpd", "libmicrohttpd-dev"),

    // Ground: Swift
    room("Addressing"),
    room("JSON"),
    room("Linux", ["CLinux", "Addressing"]),
    room("Netlink", ["CLinux", "Linux", "Addressing"]),
    room("Kubernetes", ["JSON", "Linux", "CCurl", "CYAML"]),
    room("Streaming", ["JSON", "CLinux", "Linux", "COpenSSL", "CZlib", "CNghttp2"]),
    room("StandIn", ["Addressing", "JSON", "CLinux", "Linux", "Netlink"]),

    // Model
    room("ClusterModel", ["Addressing", "JSON", "Kubernetes"]),

    // Planes
    room("PodNetwork", ["Addressing", "JSON", "Linux", "Netlink", "CLinux"]),
    room("NodeRouting", ["Addressing", "JSON", "CLinux", "Linux", "Netlink", "Kubernetes", "ClusterModel"]),
    room("ServiceProxy", ["Addressing", "Linux", "Netlink", "ClusterModel"]),
    room("NetworkPolicy", ["Addressing", "Linux", "Netlink", "Kubernetes", "ClusterModel"]),
    room("ClusterDNS", ["Addressing", "Linux", "CLinux", "Netlink", "Streaming", "ClusterModel"]),
    room(
      "AddressAnnouncement",
      ["Addressing", "JSON", "CLinux", "Linux", "Netlink", "Kubernetes", "ClusterModel"]),
    room("HTTPRouting", ["Addressing", "CLinux", "Linux", "ClusterModel"]),

    // Roles
    room(
      "ControlPlane",
      ["Addressing", "JSON", "CLinux", "Linux", "Kubernetes", "Streaming", "CSQLite", "COpenSSL", "CMicrohttpd"]),
    room(
      "NodeAgent",
      [
        "Addressing", "JSON", "Linux", "Netlink", "Kubernetes", "ClusterModel", "PodNetwork", "NodeRouting",
        "ServiceProxy", "NetworkPolicy", "ClusterDNS", "HTTPRouting", "AddressAnnouncement",
      ]),
    room(
      "Deploy",
      ["Addressing", "JSON", "Linux", "Kubernetes", "ClusterModel", "NodeRouting", "NodeAgent", "ControlPlane"]),
    room("Diagnosis", ["Addressing", "JSON", "Linux", "Netlink", "Kubernetes", "ClusterModel"]),
    room(
      "Lab",
      [
        "Addressing", "JSON", "Linux", "CLinux", "Netlink", "Kubernetes", "ClusterModel", "PodNetwork", "ClusterDNS",
        "ControlPlane", "NodeAgent", "NodeRouting", "Diagnosis", "StandIn", "Streaming",
      ]),

    // Executables
    .executableTarget(
      name: "swiftlet",
      dependencies: [
        "Addressing", "JSON", "Linux", "Netlink", "Kubernetes", "PodNetwork", "ControlPlane", "NodeAgent", "Lab",
        "Diagnosis", "Deploy", "ServiceProxy",
      ],
      swiftSettings: strict,
      linkerSettings: [.unsafeFlags(["-static-stdlib"])]),
    .executableTarget(
      name: "swiftlet-cni",
      dependencies: ["PodNetwork"],
      swiftSettings: strict,
      linkerSettings: [.unsafeFlags(["-static-executable"])]),
    .executableTarget(
      name: "swiftlet-pause",
      dependencies: ["StandIn"],
      swiftSettings: strict,
      linkerSettings: [.unsafeFlags(["-static-executable"])]),

    // Tests
    tests("AddressingTests", ["Addressing"]),
    tests("JSONTests", ["JSON"]),
    // Frames of HTTP/2 written by hand, for the tests of whoever speaks it.
    .target(name: "HTTP2Frames", path: "Tests/HTTP2Frames", swiftSettings: strict),
    tests("StreamingTests", ["Streaming", "JSON", "Linux", "HTTP2Frames"]),
    tests("StandInTests", ["StandIn", "Linux", "JSON"]),
    tests("LinuxTests", ["Linux", "CLinux", "Addressing"]),
    tests("NetlinkTests", ["Netlink", "Linux", "Addressing", "JSON"]),
    tests("KubernetesTests", ["Kubernetes", "JSON", "Linux"]),
    tests("ClusterModelTests", ["ClusterModel", "Kubernetes", "JSON", "Addressing"]),
    tests("PodNetworkTests", ["PodNetwork", "Netlink", "Linux", "JSON", "Addressing"]),
    // A node's pods as the plugin wires them, under the tables of the planes that know nothing of it.
    tests(
      "WiringTests",
      ["PodNetwork", "ServiceProxy", "NetworkPolicy", "ClusterModel", "Netlink", "Linux", "JSON", "Addressing"]),
    tests("NodeRoutingTests", ["NodeRouting", "Netlink", "Linux", "JSON", "Addressing", "ClusterModel"]),
    tests("ServiceProxyTests", ["ServiceProxy", "Netlink", "Linux", "JSON", "Addressing", "ClusterModel"]),
    tests(
      "NetworkPolicyTests",
      ["NetworkPolicy", "Netlink", "Linux", "JSON", "Addressing", "Kubernetes", "ClusterModel"]),
    tests(
      "ClusterDNSTests",
      ["ClusterDNS", "Streaming", "HTTP2Frames", "Netlink", "Linux", "JSON", "Addressing", "ClusterModel"]),
    tests(
      "AddressAnnouncementTests",
      [
        "AddressAnnouncement", "ControlPlane", "ClusterModel", "Netlink", "Linux", "JSON", "Addressing", "Kubernetes",
      ]),
    tests("HTTPRoutingTests", ["HTTPRouting", "Linux", "JSON", "Addressing", "ClusterModel"]),
    tests(
      "ControlPlaneTests",
      ["ControlPlane", "Kubernetes", "JSON", "Linux", "Addressing", "StoreScript"]),
    // A process for the tests to kill while it writes.
    .target(
      name: "StoreScript", dependencies: ["ControlPlane", "JSON"], path: "Tests/StoreScript", swiftSettings: strict),
    .executableTarget(
      name: "swiftlet-allocator-writer", dependencies: ["ControlPlane", "Kubernetes", "JSON", "Linux", "Addressing"],
      path: "Tests/AllocatorWriter", swiftSettings: strict),
    .executableTarget(
      name: "swiftlet-store-writer", dependencies: ["ControlPlane", "JSON", "StoreScript"], path: "Tests/StoreWriter",
      swiftSettings: strict, linkerSettings: [.unsafeFlags(["-static-stdlib"])]),
    tests(
      "NodeAgentTests",
      [
        "NodeAgent", "NodeRouting", "PodNetwork", "ServiceProxy", "ClusterDNS", "ClusterModel", "ControlPlane",
        "Kubernetes", "Netlink", "JSON", "Linux", "Addressing",
      ]),
    tests(
      "NodeRuntimeTests",
      ["Lab", "ControlPlane", "StandIn", "Streaming", "Kubernetes", "JSON", "Linux", "Addressing"]),
    tests(
      "DeployTests",
      ["Deploy", "NodeAgent", "ControlPlane", "Kubernetes", "JSON", "Linux", "Addressing", "ClusterModel"]),
    tests("DiagnosisTests", ["Diagnosis", "Addressing", "JSON", "Linux", "Netlink", "Kubernetes", "ClusterModel"]),
    tests("LabTests", ["Lab", "Linux", "JSON", "Netlink", "Kubernetes", "Addressing", "Diagnosis"]),
  ],
  swiftLanguageModes: [.v6]
)

// Built by scripts/fuzz alone: libFuzzer brings its own main.
if Context.environment["SWIFTLET_FUZZ"] != nil {
  package.products.append(.executable(name: "swiftlet-fuzz", targets: ["swiftlet-fuzz"]))
  package.targets.append(
    .executableTarget(
      name: "swiftlet-fuzz",
      dependencies: [
        "Addressing", "JSON", "Linux", "Netlink", "Kubernetes", "Streaming", "StandIn", "ClusterModel", "PodNetwork",
        "NodeRouting",
        "ServiceProxy", "NetworkPolicy", "ClusterDNS", "HTTPRouting", "ControlPlane",
      ],
      path: "Fuzz", exclude: ["Corpus", "words.dict"], swiftSettings: strict,
      linkerSettings: [.unsafeFlags(["-use-ld=lld"])]))
}
