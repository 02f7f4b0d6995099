#include "CLinuxPacket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int swiftlet_bind_packet(int fd, int ifindex, uint16_t protocol) {
  struct sockaddr_ll address = {
      .sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = ifindex};
  return bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
}

int swiftlet_filter_solicitations(int fd) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 6),           // IPv6 next header
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 58, 0, 3),        // ICMPv6
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 40),          // its type
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 135, 0, 1),       // neighbour solicitation
      BPF_STMT(BPF_RET | BPF_K, 0xffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ? -errno : 0;
}

static int change_group(int fd, int ifindex, const uint8_t group[16], int option) {
  struct ipv6_mreq request = {.ipv6mr_interface = ifindex};
  memcpy(&request.ipv6mr_multiaddr, group, 16);
  return setsockopt(fd, IPPROTO_IPV6, option, &request, sizeof request) < 0 ? -errno : 0;
}

int swiftlet_join_group(int fd, int ifindex, const uint8_t group[16]) {
  return change_group(fd, ifindex, group, IPV6_ADD_MEMBERSHIP);
}

int swiftlet_leave_group(int fd, int ifindex, const uint8_t group[16]) {
  return change_group(fd, ifindex, group, IPV6_DROP_MEMBERSHIP);
}
