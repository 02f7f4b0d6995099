package import Addressing

extension ServiceProxy {
  /// What was done since the start, for metrics.
  package struct Statistics: Hashable, Sendable {
    /// A table of one family of iptables.
    package struct RuleTable: Hashable, Sendable {
      package var family: IPFamily
      /// `nat` or `filter`.
      package var table: String

      package init(_ family: IPFamily, _ table: String) {
        self.family = family
        self.table = table
      }
    }

    /// Rules of ours in a table of iptables.
    package struct RuleCount: Hashable, Sendable {
      /// All there are.
      package var total = 0
      /// Those that the last call of iptables-restore wrote.
      package var last = 0

      package init() {}
    }

    /// Transactions committed.
    package var commits = 0
    /// Elements added or deleted.
    package var elements = 0
    /// Times the whole table was replaced.
    package var replacements = 0
    /// Tracked UDP connections deleted because their endpoint went, by family.
    package var deletedFlowsByFamily: [IPFamily: Int] = [:]
    /// How long looking for such connections took, after each change that may leave some.
    package var flowSearches: [IPFamily: DurationHistogram] = [:]
    /// Frontends that came or went, and frontends whose endpoints changed.
    package var frontendChanges = 0
    package var endpointChanges = 0
    /// Transactions that were refused, and those among them that were a change and not a comparison of everything.
    package var failures = 0
    package var partialFailures = 0
    /// Transactions that were to remove chains no longer in use, and were refused.
    package var cleanupFailures = 0
    /// Seconds the last transaction took in the kernel, or in iptables-restore.
    package var lastCommit = 0.0
    /// Only with iptables.
    package var rules: [RuleTable: RuleCount] = [:]

    package init() {}

    package var deletedFlows: Int { deletedFlowsByFamily.values.reduce(0, +) }
  }
}
