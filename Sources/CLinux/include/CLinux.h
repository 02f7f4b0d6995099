// What Swift needs of Linux and `import Glibc` lacks: constants, variadic calls, and work on a thread inside a foreign
// network namespace. Functions return a non-negative result, or -errno; they never touch errno's caller-visible value on
// success paths and start no Swift code on foreign threads.
#pragma once

// No _GNU_SOURCE here: it would give fd_set another shape than the one Swift's Glibc module has.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/fib_rules.h>
#include <linux/filter.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/veth.h>
#include <linux/wireguard.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "CLinuxDatagram.h"
#include "CLinuxPacket.h"

// Constants that are macros of a form Swift cannot import.
enum {
  swiftlet_CLONE_NEWNET = CLONE_NEWNET,
  swiftlet_CLONE_NEWNS = CLONE_NEWNS,
  swiftlet_CLONE_NEWUTS = CLONE_NEWUTS,
  swiftlet_CLONE_NEWIPC = CLONE_NEWIPC,
  // From linux/if.h, which cannot stand beside net/if.h that Glibc's module has.
  swiftlet_IFF_UP = 1 << 0,
  swiftlet_IFF_LOWER_UP = 1 << 16,
};

/// socket(2) on a short-lived thread inside the network namespace `nsfd`; the socket stays bound to that namespace and
/// works from any thread. Always close-on-exec. With `here` the caller's thread enters and comes back instead, which is
/// for programs of one thread.
int swiftlet_socket_in_netns(int nsfd, int domain, int type, int protocol, bool here);

/// open(2) on a short-lived thread inside the network namespace `nsfd`, for files under /proc/sys/net and
/// /proc/thread-self/net. Always close-on-exec. `here` as above.
int swiftlet_open_in_netns(int nsfd, const char *path, int flags, mode_t mode, bool here);

/// Makes a new network namespace on a short-lived thread and returns a descriptor of it. With `path` not null the
/// namespace is also bind-mounted there (the file is created), as `ip netns add` does.
int swiftlet_new_netns(const char *path);

struct swiftlet_spawn {
  const char *path;          // program, looked up in PATH if it has no slash
  char *const *argv;         // null-terminated
  char *const *envp;         // null-terminated
  const int *fds;            // descriptor fds[i] becomes descriptor i of the child; -1 = /dev/null
  int fd_count;              // all others are closed in the child
  int netns;                 // the child starts in this network namespace; -1 = the caller's
  bool new_session;          // setsid
};

/// posix_spawn(3) with an empty signal mask, default signal handlers and exactly the descriptors named. Returns the pid
/// and stores a pidfd (close-on-exec).
pid_t swiftlet_spawn(const struct swiftlet_spawn *spawn, int *pidfd);

int swiftlet_pidfd_open(pid_t pid);
int swiftlet_pidfd_send_signal(int pidfd, int signal);
int swiftlet_setns(int fd, int nstype);
int swiftlet_unshare(int flags);
int swiftlet_pivot_root(const char *new_root, const char *put_old);
int swiftlet_prctl(int option, unsigned long argument);
int swiftlet_ioctl_int(int fd, unsigned long request, int argument);
/// A new pseudoterminal (pty(7)): its master is returned, its other end stored; both close-on-exec.
int swiftlet_open_terminal(int *terminal);
/// The size of a terminal in characters (TIOCSWINSZ).
int swiftlet_set_window_size(int fd, unsigned short columns, unsigned short rows);
void swiftlet_set_thread_name(const char *name);

/// pipe2(2), close-on-exec from the start: a process spawned by another thread at the same moment must not hold an end.
int swiftlet_pipe(int ends[2]);
/// memfd_create(2), close-on-exec.
int swiftlet_memfd(const char *name);
