package import JSON
internal import Kubernetes

/// What a pod asks of a node. Pure.
package enum PodRequests {
  /// By resource, in thousandths: the larger of the sum of its containers and the largest init container, plus overhead.
  package static func thousandths(_ spec: JSON) -> [String: Int] {
    var sum: [String: Int] = [:]
    for container in spec["containers"].elements { add(container["resources", "requests"], to: &sum) }
    var largest: [String: Int] = [:]
    for container in spec["initContainers"].elements {
      var requests: [String: Int] = [:]
      add(container["resources", "requests"], to: &requests)
      if container["restartPolicy"].string == "Always" {
        sum.merge(requests, uniquingKeysWith: plus)
      } else {
        largest.merge(requests, uniquingKeysWith: max)
      }
    }
    sum.merge(largest, uniquingKeysWith: max)
    add(spec["overhead"], to: &sum)
    return sum
  }

  private static func add(_ amounts: JSON, to sum: inout [String: Int]) {
    for (name, amount) in amounts.members {
      sum[name] = plus(sum[name, default: 0], Quantity(amount)?.thousandths ?? 0)
    }
  }

  /// The sum, or the largest number there is.
  static func plus(_ left: Int, _ right: Int) -> Int {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? (right < 0 ? .min : .max) : sum
  }
}
