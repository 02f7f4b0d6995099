#pragma once
// What Swift sees of the library; wrappers for variadic functions and macros belong here as static inline functions.
#include <openssl/x509v3.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/err.h>

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
