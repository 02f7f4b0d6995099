#define _GNU_SOURCE
#include <netinet/in.h>
#include <sys/socket.h>

#include "CLinux.h"
#include "CLinuxDatagram.h"

#include <errno.h>
#include <string.h>

union control {
  char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
  struct cmsghdr align;
};

int swiftlet_receive_datagrams(int fd, struct swiftlet_datagram *datagrams, unsigned count) {
  struct mmsghdr messages[swiftlet_DATAGRAM_BATCH];
  struct iovec vectors[swiftlet_DATAGRAM_BATCH];
  union control controls[swiftlet_DATAGRAM_BATCH];
  if (count > swiftlet_DATAGRAM_BATCH) count = swiftlet_DATAGRAM_BATCH;
  memset(messages, 0, count * sizeof(messages[0]));
  for (unsigned index = 0; index < count; index++) {
    vectors[index] = (struct iovec){datagrams[index].data, datagrams[index].capacity};
    struct msghdr *header = &messages[index].msg_hdr;
    header->msg_iov = &vectors[index];
    header->msg_iovlen = 1;
    header->msg_name = &datagrams[index].peer;
    header->msg_namelen = sizeof(datagrams[index].peer);
    header->msg_control = controls[index].bytes;
    header->msg_controllen = sizeof(controls[index].bytes);
  }
  int received = recvmmsg(fd, messages, count, MSG_DONTWAIT, NULL);
  if (received < 0) return -errno;
  for (int index = 0; index < received; index++) {
    struct msghdr *header = &messages[index].msg_hdr;
    struct swiftlet_datagram *datagram = &datagrams[index];
    datagram->length = header->msg_flags & MSG_TRUNC ? 0 : messages[index].msg_len;
    datagram->peer_length = header->msg_namelen;
    datagram->local_length = 0;
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
      if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO)
        datagram->local_length = sizeof(struct in_pktinfo);
      else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO)
        datagram->local_length = sizeof(struct in6_pktinfo);
      else
        continue;
      memcpy(datagram->local, CMSG_DATA(control), datagram->local_length);
    }
  }
  return received;
}

int swiftlet_send_datagrams(int fd, struct swiftlet_datagram *datagrams, unsigned count) {
  struct mmsghdr messages[swiftlet_DATAGRAM_BATCH];
  struct iovec vectors[swiftlet_DATAGRAM_BATCH];
  union control controls[swiftlet_DATAGRAM_BATCH];
  if (count > swiftlet_DATAGRAM_BATCH) count = swiftlet_DATAGRAM_BATCH;
  memset(messages, 0, count * sizeof(messages[0]));
  for (unsigned index = 0; index < count; index++) {
    struct swiftlet_datagram *datagram = &datagrams[index];
    vectors[index] = (struct iovec){datagram->data, datagram->length};
    struct msghdr *header = &messages[index].msg_hdr;
    header->msg_iov = &vectors[index];
    header->msg_iovlen = 1;
    header->msg_name = &datagram->peer;
    header->msg_namelen = datagram->peer_length;
    if (!datagram->local_length) continue;
    header->msg_control = controls[index].bytes;
    header->msg_controllen = CMSG_SPACE(datagram->local_length);
    memset(controls[index].bytes, 0, sizeof(controls[index].bytes));
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    control->cmsg_len = CMSG_LEN(datagram->local_length);
    if (datagram->local_length == sizeof(struct in_pktinfo)) {
      control->cmsg_level = IPPROTO_IP;
      control->cmsg_type = IP_PKTINFO;
      // The interface is left to the routing: an answer need not leave where its question came in.
      struct in_pktinfo info;
      memcpy(&info, datagram->local, sizeof(info));
      info.ipi_ifindex = 0;
      memcpy(CMSG_DATA(control), &info, sizeof(info));
    } else {
      control->cmsg_level = IPPROTO_IPV6;
      control->cmsg_type = IPV6_PKTINFO;
      struct in6_pktinfo info;
      memcpy(&info, datagram->local, sizeof(info));
      if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
      memcpy(CMSG_DATA(control), &info, sizeof(info));
    }
  }
  int sent = sendmmsg(fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? -errno : sent;
}

static int set_int(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

int swiftlet_want_local_address(int fd, int family) {
  if (family == AF_INET) return set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
  return set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

int swiftlet_freebind(int fd, int family) {
  if (family == AF_INET) return set_int(fd, IPPROTO_IP, IP_FREEBIND, 1);
  return set_int(fd, IPPROTO_IPV6, 78 /* IPV6_FREEBIND, linux/in6.h */, 1);
}

int swiftlet_v6_only(int fd) { return set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1); }

int swiftlet_accept(int fd) {
  int connection = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  return connection < 0 ? -errno : connection;
}
