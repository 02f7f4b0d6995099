import Glibc

/// The soft limit of open files is taken up to the hard one: the usual 1,024 is one of old programs with select(2), and a
/// watch takes two descriptors, a question that waits for an upstream one.
func raiseDescriptorLimit() {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
  limit.rlim_cur = limit.rlim_max
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
