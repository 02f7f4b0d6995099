#pragma once
// What Swift sees of the library; wrappers for variadic functions belong here as static inline functions.
#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static inline CURLcode swiftlet_curl_set_long(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}

/// For strings (copied by the library) and for pointers (kept as they are).
static inline CURLcode swiftlet_curl_set_pointer(CURL *handle, CURLoption option, const void *value) {
  return curl_easy_setopt(handle, option, value);
}

/// The library copies the bytes.
static inline CURLcode swiftlet_curl_set_blob(CURL *handle, CURLoption option, const void *bytes, size_t count) {
  struct curl_blob blob = {(void *)bytes, count, CURL_BLOB_COPY};
  return curl_easy_setopt(handle, option, &blob);
}

/// Whether a request got as far as a connection.
static inline _Bool swiftlet_curl_has_connected(CURL *handle) {
  curl_off_t microseconds = 0;
  return curl_easy_getinfo(handle, CURLINFO_CONNECT_TIME_T, &microseconds) == CURLE_OK && microseconds > 0;
}

typedef size_t (*swiftlet_curl_data_function)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode swiftlet_curl_set_data_function(CURL *handle, CURLoption option,
                                                       swiftlet_curl_data_function function, void *context) {
  CURLcode code = curl_easy_setopt(handle, option, function);
  if (code != CURLE_OK) return code;
  return curl_easy_setopt(handle, option == CURLOPT_WRITEFUNCTION ? CURLOPT_WRITEDATA : CURLOPT_HEADERDATA, context);
}

/// Makes the kernel give up on a peer that stays silent: unanswered data or keepalive probes for so many milliseconds.
static inline int swiftlet_curl_set_user_timeout(void *milliseconds, curl_socket_t socket, curlsocktype purpose) {
  if (purpose == CURLSOCKTYPE_IPCXN) {
    unsigned int timeout = (unsigned int)(size_t)milliseconds;
    setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
  }
  return CURL_SOCKOPT_OK;
}

static inline CURLcode swiftlet_curl_set_peer_timeout(CURL *handle, unsigned int milliseconds) {
  CURLcode code = curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, swiftlet_curl_set_user_timeout);
  if (code != CURLE_OK) return code;
  return curl_easy_setopt(handle, CURLOPT_SOCKOPTDATA, (void *)(size_t)milliseconds);
}
