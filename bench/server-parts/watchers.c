// Many watches of one list over TLS, from one thread: tells how long after it was sent each change reached each watch.
// usage: watchers HOST PORT TOKEN COUNT SECONDS TARGET
// A change tells when it was sent: its object holds "sent":"NANOSECONDS" of CLOCK_MONOTONIC. Prints "ready" when every
// watch stands, and one line of JSON at the end.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct watch {
  SSL *ssl;
  int socket;
  int delivered;
  size_t kept;  // bytes of an unfinished line that may hold the beginning of the mark
  char *buffer;
};

enum { PIECE = 64 * 1024, MARK_ROOM = 64 };

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int compare(const void *a, const void *b) {
  long long left = *(const long long *)a, right = *(const long long *)b;
  return left < right ? -1 : left > right;
}

static long long *delays;
static size_t delay_count, delay_room, bytes;

static void take(struct watch *watch, size_t length) {
  long long arrived = now();
  bytes += length;
  size_t total = watch->kept + length;
  char *at = watch->buffer, *end = watch->buffer + total;
  static const char mark[] = "\"sent\":\"";
  while ((at = memmem(at, end - at, mark, sizeof mark - 1))) {
    char *digits = at + sizeof mark - 1;
    if (!memchr(digits, '"', end - digits)) break;
    if (delay_count == delay_room) {
      delay_room = delay_room ? delay_room * 2 : 1 << 20;
      delays = realloc(delays, delay_room * sizeof *delays);
    }
    watch->delivered++;
    delays[delay_count++] = arrived - atoll(digits);
    at = digits;
  }
  char *keep = at ? at : end - (total < MARK_ROOM / 8 ? total : MARK_ROOM / 8);
  watch->kept = end - keep;
  memmove(watch->buffer, keep, watch->kept);
}

int main(int argc, char **argv) {
  if (argc != 7) return 2;
  int count = atoi(argv[4]), seconds = atoi(argv[5]);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
  inet_pton(AF_INET, argv[1], &address.sin_addr);
  int epoll = epoll_create1(0);
  struct watch *watches = calloc(count, sizeof *watches);
  char request[4096];
  int request_length = snprintf(
      request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", argv[6], argv[3]);
  for (int i = 0; i < count; i++) {
    struct watch *watch = &watches[i];
    watch->socket = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;
    setsockopt(watch->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(watch->socket, (struct sockaddr *)&address, sizeof address)) return perror("connect"), 1;
    watch->ssl = SSL_new(context);
    SSL_set_fd(watch->ssl, watch->socket);
    if (SSL_connect(watch->ssl) != 1) return fprintf(stderr, "no TLS\n"), 1;
    if (SSL_write(watch->ssl, request, request_length) != request_length) return fprintf(stderr, "no write\n"), 1;
    watch->buffer = malloc(PIECE + MARK_ROOM);
    // The header of the answer: the watch stands.
    int got = SSL_read(watch->ssl, watch->buffer, PIECE);
    if (got < 12 || memcmp(watch->buffer + 9, "200", 3)) return fprintf(stderr, "refused: %.*s\n", got, watch->buffer), 1;
    fcntl(watch->socket, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};
    epoll_ctl(epoll, EPOLL_CTL_ADD, watch->socket, &event);
  }
  printf("ready\n");
  fflush(stdout);
  long long end = now() + seconds * 1000000000LL;
  int lost = 0;
  struct epoll_event events[256];
  while (now() < end) {
    int ready = epoll_wait(epoll, events, 256, 100);
    for (int i = 0; i < ready; i++) {
      struct watch *watch = events[i].data.ptr;
      int got;
      while ((got = SSL_read(watch->ssl, watch->buffer + watch->kept, PIECE)) > 0) take(watch, got);
      if (SSL_get_error(watch->ssl, got) != SSL_ERROR_WANT_READ) {
        lost++;
        epoll_ctl(epoll, EPOLL_CTL_DEL, watch->socket, NULL);
      }
    }
  }
  int least = watches[0].delivered, most = least;
  for (int i = 0; i < count; i++) {
    if (watches[i].delivered < least) least = watches[i].delivered;
    if (watches[i].delivered > most) most = watches[i].delivered;
  }
  qsort(delays, delay_count, sizeof *delays, compare);
  double p50 = delay_count ? delays[delay_count / 2] / 1e6 : 0, p99 = delay_count ? delays[delay_count * 99 / 100] / 1e6 : 0;
  double last = delay_count ? delays[delay_count - 1] / 1e6 : 0;
  printf("{\"delivered\": %zu, \"p50\": %.2f, \"p99\": %.2f, \"max\": %.2f, \"lost\": %d, \"bytes\": %zu, \"least\": %d, "
         "\"most\": %d}\n", delay_count, p50, p99, last, lost, bytes, least, most);
  return 0;
}
