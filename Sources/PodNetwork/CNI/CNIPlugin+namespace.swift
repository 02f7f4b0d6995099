internal import CLinux
internal import Glibc
internal import Linux
internal import Netlink

extension CNIPlugin {
  func podSocket(_ pod: NetworkNamespace, _ request: CNIRequest) throws(CNIError) -> RouteSocket {
    do { return try RouteSocket(namespace: pod) } catch {
      // The first call that finds out whether it is a network namespace at all.
      throw CNIError(.badNamespace, "CNI_NETNS \(request.namespacePath): \(error)")
    }
  }

  /// The pod's namespace, which must not be the node's.
  func podNamespace(_ request: CNIRequest) throws(CNIError) -> NetworkNamespace {
    do {
      let pod = try NetworkNamespace(path: request.namespacePath, enteredHere: true)
      let own = try NetworkNamespace.current()
      var podStatus = stat()
      var ownStatus = stat()
      fstat(pod.descriptor.raw, &podStatus)
      fstat(own.descriptor.raw, &ownStatus)
      guard podStatus.st_ino != ownStatus.st_ino || podStatus.st_dev != ownStatus.st_dev else {
        throw CNIError(.badNamespace, "CNI_NETNS \(request.namespacePath) is the node's own network namespace")
      }
      return pod
    } catch let error as SystemError {
      throw CNIError(.badNamespace, "CNI_NETNS: \(error)")
    } catch let error as CNIError {
      throw error
    } catch {
      throw CNIError(.badNamespace, "CNI_NETNS: \(error)")
    }
  }
}
