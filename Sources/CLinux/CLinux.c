#define _GNU_SOURCE
#include <sched.h>

#include "CLinux.h"

#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/ioctl.h>

// One job on a thread of its own inside another network namespace. The thread runs no Swift and ends before the caller
// goes on, so that no pool ever inherits its namespace.
struct job {
  int nsfd;  // -1: stay
  int result;
  int (*run)(struct job *);
  int domain, type, protocol;
  const char *path;
  int flags;
  mode_t mode;
  const struct swiftlet_spawn *spawn;
};

static void *job_thread(void *argument) {
  struct job *job = argument;
  if (job->nsfd >= 0 && setns(job->nsfd, CLONE_NEWNET) < 0)
    job->result = -errno;
  else
    job->result = job->run(job);
  return NULL;
}

static int run_job(struct job *job) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 128 * 1024);
  pthread_t thread;
  int failure = pthread_create(&thread, &attributes, job_thread, job);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  if (failure) return -failure;
  pthread_join(thread, NULL);
  return job->result;
}

// The same on the caller's own thread, which is back in its namespace before this returns. Ten times cheaper, as no other
// processor has to be woken, but right only where no thread is started meanwhile.
static int run_job_here(struct job *job) {
  int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home < 0) return -errno;
  job_thread(job);
  // Going on in a foreign namespace would change the wrong network.
  if (setns(home, CLONE_NEWNET) < 0) abort();
  close(home);
  return job->result;
}

static int run_socket(struct job *job) {
  int fd = socket(job->domain, job->type | SOCK_CLOEXEC, job->protocol);
  return fd < 0 ? -errno : fd;
}

int swiftlet_socket_in_netns(int nsfd, int domain, int type, int protocol, bool here) {
  struct job job = {.nsfd = nsfd, .run = run_socket, .domain = domain, .type = type, .protocol = protocol};
  return here ? run_job_here(&job) : run_job(&job);
}

static int run_open(struct job *job) {
  int fd = open(job->path, job->flags | O_CLOEXEC, job->mode);
  return fd < 0 ? -errno : fd;
}

int swiftlet_open_in_netns(int nsfd, const char *path, int flags, mode_t mode, bool here) {
  struct job job = {.nsfd = nsfd, .run = run_open, .path = path, .flags = flags, .mode = mode};
  return here ? run_job_here(&job) : run_job(&job);
}

static int run_new_netns(struct job *job) {
  if (unshare(CLONE_NEWNET) < 0) return -errno;
  if (job->path) {
    int file = open(job->path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (file < 0) return -errno;
    close(file);
    if (mount("/proc/thread-self/ns/net", job->path, "none", MS_BIND, NULL) < 0) {
      int failure = -errno;
      unlink(job->path);
      return failure;
    }
  }
  int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int swiftlet_new_netns(const char *path) {
  struct job job = {.nsfd = -1, .run = run_new_netns, .path = path};
  return run_job(&job);
}

static int run_spawn(struct job *job) {
  const struct swiftlet_spawn *spawn = job->spawn;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int failure = posix_spawn_file_actions_init(&actions);
  if (failure) return -failure;
  failure = posix_spawnattr_init(&attributes);
  if (failure) {
    posix_spawn_file_actions_destroy(&actions);
    return -failure;
  }
  // Descriptors are first moved out of the way of the numbers they will get, so that no dup2 overwrites a later source.
  int *moved = spawn->fd_count ? calloc(spawn->fd_count, sizeof(int)) : NULL;
  int count = 0;
  for (; count < spawn->fd_count && !failure; count++) {
    if (spawn->fds[count] < 0)
      moved[count] = open("/dev/null", O_RDWR | O_CLOEXEC);
    else
      moved[count] = fcntl(spawn->fds[count], F_DUPFD_CLOEXEC, spawn->fd_count);
    if (moved[count] < 0) failure = errno;
    else if (moved[count] == count)
      // /dev/null got its own number: dup2 onto itself keeps close-on-exec set, so it moves too.
      {
        int other = fcntl(moved[count], F_DUPFD_CLOEXEC, spawn->fd_count);
        if (other < 0) failure = errno;
        else {
          close(moved[count]);
          moved[count] = other;
        }
      }
    if (!failure) failure = posix_spawn_file_actions_adddup2(&actions, moved[count], count);
  }
  // Others may have left us descriptors without close-on-exec; the child gets exactly those named.
  if (!failure) failure = posix_spawn_file_actions_addclosefrom_np(&actions, spawn->fd_count);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (spawn->new_session) flags |= POSIX_SPAWN_SETSID;
  posix_spawnattr_setflags(&attributes, flags);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  pid_t pid = 0;
  if (!failure)
    failure = posix_spawnp(&pid, spawn->path, &actions, &attributes, spawn->argv, spawn->envp);
  for (int index = 0; index < count; index++)
    if (moved[index] >= 0) close(moved[index]);
  free(moved);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return failure ? -failure : pid;
}

pid_t swiftlet_spawn(const struct swiftlet_spawn *spawn, int *pidfd) {
  struct job job = {.nsfd = spawn->netns, .run = run_spawn, .spawn = spawn};
  pid_t pid = spawn->netns < 0 ? run_spawn(&job) : run_job(&job);
  if (pid < 0) return pid;
  // The child is not reaped yet, so its number cannot have been given to another process.
  *pidfd = swiftlet_pidfd_open(pid);
  return pid;
}

static int checked(long result) { return result < 0 ? -errno : (int)result; }

int swiftlet_pidfd_open(pid_t pid) { return checked(syscall(SYS_pidfd_open, pid, 0)); }

int swiftlet_pidfd_send_signal(int pidfd, int signal) {
  return checked(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0));
}

int swiftlet_setns(int fd, int nstype) { return checked(setns(fd, nstype)); }
int swiftlet_unshare(int flags) { return checked(unshare(flags)); }

int swiftlet_pivot_root(const char *new_root, const char *put_old) {
  return checked(syscall(SYS_pivot_root, new_root, put_old));
}

int swiftlet_prctl(int option, unsigned long argument) { return checked(prctl(option, argument, 0, 0, 0)); }

int swiftlet_ioctl_int(int fd, unsigned long request, int argument) {
  return checked(ioctl(fd, request, argument));
}

int swiftlet_open_terminal(int *terminal) {
  int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0) return -errno;
  int unlocked = 0;
  *terminal = -1;
  if (ioctl(master, TIOCSPTLCK, &unlocked) == 0)
    *terminal = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (*terminal >= 0) return master;
  int failure = -errno;
  close(master);
  return failure;
}

int swiftlet_set_window_size(int fd, unsigned short columns, unsigned short rows) {
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  return checked(ioctl(fd, TIOCSWINSZ, &size));
}

void swiftlet_set_thread_name(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

int swiftlet_pipe(int ends[2]) { return checked(pipe2(ends, O_CLOEXEC)); }
int swiftlet_memfd(const char *name) { return checked(syscall(SYS_memfd_create, name, 1u /* MFD_CLOEXEC */)); }
