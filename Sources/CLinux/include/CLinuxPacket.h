// Packet sockets (packet(7)) and multicast membership: what a node needs to answer for addresses that it does not have.
#pragma once

#include <stdint.h>

/// Binds a packet socket to a link and an Ethernet protocol (host byte order). Returns 0 or -errno.
int swiftlet_bind_packet(int fd, int ifindex, uint16_t protocol);

/// Lets only IPv6 neighbour solicitations (RFC 4861) through to a raw packet socket. Returns 0 or -errno.
int swiftlet_filter_solicitations(int fd);

/// Joins or leaves an IPv6 multicast group on a link, so that the link lets its frames in and routers and switches hear of
/// it (RFC 3810). Returns 0 or -errno.
int swiftlet_join_group(int fd, int ifindex, const uint8_t group[16]);
int swiftlet_leave_group(int fd, int ifindex, const uint8_t group[16]);
