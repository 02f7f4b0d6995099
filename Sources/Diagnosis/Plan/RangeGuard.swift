/// The same checks where a program starts with ranges on its command line.
package enum RangeGuard {
  /// Refuses ranges that cannot make a cluster.
  /// - Returns: what is worth a warning in the log.
  package static func check(_ request: PlanRequest) throws(RangePlanError) -> [PlanFinding] {
    let review = PlanReview(request)
    if !review.isSound { throw RangePlanError(problems: review.errors.map(\.sentence)) }
    return review.warnings
  }
}
