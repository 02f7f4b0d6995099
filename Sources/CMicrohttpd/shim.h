#pragma once
// What Swift sees of the library; wrappers for variadic functions belong here as static inline functions.
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <sys/socket.h>

struct swiftlet_mhd_start {
  int socket;                     // listening already
  unsigned int connection_limit;
  unsigned int idle_seconds;      // a connection without a request for so long is closed; 0 = never
  size_t stack_size;              // of each connection's thread
  const char *certificate;        // PEM; with its chain
  const char *key;                // PEM
  const char *authority;          // PEM: clients are asked for certificates by it; what they send is not checked here
  MHD_AccessHandlerCallback handler;
  MHD_RequestCompletedCallback completed;
  MHD_NotifyConnectionCallback connection_event;
  void *(*begin)(void *context, const char *uri, struct MHD_Connection *connection);
  void *context;
};

/// Starts a server with a thread for each connection on a listening socket, over TLS 1.2 and 1.3.
static inline struct MHD_Daemon *swiftlet_mhd_start(const struct swiftlet_mhd_start *start) {
  return MHD_start_daemon(
      MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_TLS | MHD_USE_ITC |
          MHD_ALLOW_UPGRADE,
      0, NULL, NULL, start->handler, start->context,
      MHD_OPTION_LISTEN_SOCKET, start->socket,
      MHD_OPTION_CONNECTION_LIMIT, start->connection_limit,
      MHD_OPTION_CONNECTION_TIMEOUT, start->idle_seconds,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(64 * 1024),
      MHD_OPTION_THREAD_STACK_SIZE, start->stack_size,
      MHD_OPTION_HTTPS_MEM_CERT, start->certificate,
      MHD_OPTION_HTTPS_MEM_KEY, start->key,
      MHD_OPTION_HTTPS_MEM_TRUST, start->authority,
      MHD_OPTION_HTTPS_PRIORITIES, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2",
      MHD_OPTION_URI_LOG_CALLBACK, start->begin, start->context,
      MHD_OPTION_NOTIFY_COMPLETED, start->completed, start->context,
      MHD_OPTION_NOTIFY_CONNECTION, start->connection_event, start->context,
      MHD_OPTION_END);
}

/// How many connections a server has.
static inline unsigned int swiftlet_mhd_connections(struct MHD_Daemon *daemon) {
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
  return info ? info->num_connections : 0;
}

/// The socket of a connection, to see that the client hangs up while nothing is sent.
static inline int swiftlet_mhd_socket(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info ? info->connect_fd : -1;
}

/// The certificate the client of a connection showed, in DER; it belongs to the connection. NULL if it showed none.
static inline const unsigned char *swiftlet_mhd_peer_certificate(struct MHD_Connection *connection, size_t *size) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  unsigned int count = 0;
  const gnutls_datum_t *chain =
      info && info->tls_session ? gnutls_certificate_get_peers((gnutls_session_t)info->tls_session, &count) : NULL;
  if (!chain || count == 0) return NULL;
  *size = chain[0].size;
  return chain[0].data;
}

/// Seconds after which a connection without traffic is closed; 0 = never.
static inline void swiftlet_mhd_set_timeout(struct MHD_Connection *connection, unsigned int seconds) {
  MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

/// Ends a connection that was upgraded; its socket is closed with it.
static inline void swiftlet_mhd_end_upgrade(struct MHD_UpgradeResponseHandle *upgrade) {
  MHD_upgrade_action(upgrade, MHD_UPGRADE_ACTION_CLOSE);
}

// Constants of enums and macros in a form Swift imports as they are.
static const enum MHD_Result swiftlet_MHD_YES = MHD_YES;
static const enum MHD_Result swiftlet_MHD_NO = MHD_NO;
static const enum MHD_ConnectionNotificationCode swiftlet_MHD_STARTED = MHD_CONNECTION_NOTIFY_STARTED;
static const enum MHD_ValueKind swiftlet_MHD_HEADER_KIND = MHD_HEADER_KIND;
static const enum MHD_ResponseMemoryMode swiftlet_MHD_RESPMEM_MUST_COPY = MHD_RESPMEM_MUST_COPY;
// Linux: the peer closed its side; <poll.h> shows it only to GNU programs.
static const short swiftlet_POLLRDHUP = 0x2000;
static const ssize_t swiftlet_MHD_CONTENT_READER_END_OF_STREAM = MHD_CONTENT_READER_END_OF_STREAM;
static const ssize_t swiftlet_MHD_CONTENT_READER_END_WITH_ERROR = MHD_CONTENT_READER_END_WITH_ERROR;
static const uint64_t swiftlet_MHD_SIZE_UNKNOWN = MHD_SIZE_UNKNOWN;
