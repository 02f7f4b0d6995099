// Many datagrams with one system call, and the local address a datagram was sent to.
#pragma once

#include <stdint.h>
#include <sys/socket.h>

/// The most datagrams that one call takes.
enum { swiftlet_DATAGRAM_BATCH = 64 };

/// A datagram with its peer. `local` is what IP_PKTINFO or IPV6_RECVPKTINFO told about a received datagram; sending with
/// it unchanged answers from the address that was asked.
struct swiftlet_datagram {
  uint8_t *data;
  uint32_t capacity;
  uint32_t length;
  struct sockaddr_storage peer;
  uint32_t peer_length;
  uint32_t local_length;  // 0: unknown, the socket's own address is used
  uint8_t local[20];
};

/// Receives what is there without waiting, at most swiftlet_DATAGRAM_BATCH. Returns the count or -errno. A datagram longer
/// than its capacity is cut and gets length 0.
int swiftlet_receive_datagrams(int fd, struct swiftlet_datagram *datagrams, unsigned count);

/// Sends datagrams without waiting. Returns how many went out, or -errno if the first did not.
int swiftlet_send_datagrams(int fd, struct swiftlet_datagram *datagrams, unsigned count);

/// Asks for the local address of each datagram.
int swiftlet_want_local_address(int fd, int family);

/// Lets a socket bind an address that no interface has (IP_FREEBIND, IPV6_FREEBIND).
int swiftlet_freebind(int fd, int family);

/// accept4(2), the connection non-blocking and close-on-exec, its peer unasked.
int swiftlet_accept(int fd);

/// Keeps an IPv6 socket from also taking IPv4 (IPV6_V6ONLY).
int swiftlet_v6_only(int fd);
