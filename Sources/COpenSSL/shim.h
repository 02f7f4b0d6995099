#pragma once
// What Swift sees of the library; wrappers for variadic functions and macros belong here as static inline functions.
#include <openssl/x509v3.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>

/// A new key on the curve P-256.
static inline EVP_PKEY *swiftlet_new_p256_key(void) { return EVP_EC_gen("P-256"); }

/// The bytes of a memory BIO; they belong to it.
static inline long swiftlet_bio_bytes(BIO *bio, char **bytes) { return BIO_get_mem_data(bio, bytes); }

/// Adds an extension in OpenSSL's configuration syntax; 1 if it worked.
static inline int swiftlet_add_extension(X509 *certificate, X509 *issuer, int nid, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  if (!extension) return 0;
  int added = X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  return added;
}

static inline int swiftlet_add_name(X509_NAME *name, const char *field, const char *value) {
  return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0);
}

/// HMAC-SHA-256 (RFC 2104) of some bytes; 1 if it worked. `output` has room for 32 bytes.
static inline int swiftlet_hmac_sha256(const void *key, int key_size, const void *data, size_t size, unsigned char *output) {
  unsigned int length = 32;
  return HMAC(EVP_sha256(), key, key_size, (const unsigned char *)data, size, output, &length) != NULL && length == 32;
}

/// The certificate in DER if the authorities in `store` signed it for use by a client and it is valid now; else NULL.
static inline X509 *swiftlet_verified_client(X509_STORE *store, const unsigned char *der, long size) {
  X509 *certificate = d2i_X509(NULL, &der, size);
  if (!certificate) return NULL;
  X509_STORE_CTX *context = X509_STORE_CTX_new();
  int good = 0;
  if (context && X509_STORE_CTX_init(context, store, certificate, NULL) == 1) {
    X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_CLIENT);
    good = X509_verify_cert(context) == 1;
  }
  X509_STORE_CTX_free(context);
  if (good) return certificate;
  X509_free(certificate);
  return NULL;
}

/// The entry of a certificate's subject after position `last` (-1: the first) as UTF-8, which the caller frees with
/// `swiftlet_free`, and its length; the position it is at, or -1 if there is no more.
static inline int swiftlet_subject_entry(X509 *certificate, int nid, int last, unsigned char **text, int *size) {
  X509_NAME *name = X509_get_subject_name(certificate);
  int index = X509_NAME_get_index_by_NID(name, nid, last);
  if (index < 0) return -1;
  *size = ASN1_STRING_to_UTF8(text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  return index;
}

static inline void swiftlet_free(void *memory) { OPENSSL_free(memory); }

/// The verification of a server's certificate: it must be for this address.
static inline int swiftlet_ssl_expect_address(SSL *ssl, const char *address) {
  return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), address);
}

/// Writes may be partial and repeated from another place, what a socket that is not waited for needs, and nothing is older
/// than TLS 1.2 (RFC 8996); 1 if it can be had.
static inline int swiftlet_ssl_set_options(SSL_CTX *context) {
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  return (int)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

/// The name a client asks for (RFC 6066 section 3); 1 if it can be asked for.
static inline int swiftlet_ssl_server_name(SSL *ssl, const char *name) {
  return (int)SSL_set_tlsext_host_name(ssl, name);
}

/// Takes the first of the server's protocols that the client names too; without one there is no connection (RFC 7301
/// section 3.2).
static inline int swiftlet_ssl_select(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                                      const unsigned char *in, unsigned int in_size, void *names) {
  (void)ssl;
  // The offer's last entry is an empty name.
  unsigned int size = 0;
  for (const unsigned char *entry = names; *entry; entry += 1 + *entry) size += 1 + *entry;
  return SSL_select_next_proto((unsigned char **)out, out_size, names, size, in, in_size) == OPENSSL_NPN_NEGOTIATED
             ? SSL_TLSEXT_ERR_OK
             : SSL_TLSEXT_ERR_ALERT_FATAL;
}
/// What a server speaks above TLS: names, each after its length, and an empty one at the end. They stay the caller's.
static inline void swiftlet_ssl_offer_protocols(SSL_CTX *context, unsigned char *names) {
  SSL_CTX_set_alpn_select_cb(context, swiftlet_ssl_select, names);
}
