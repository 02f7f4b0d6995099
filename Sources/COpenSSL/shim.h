#pragma once
// What Swift sees of the library; wrappers for variadic functions belong here as static inline functions.
#include <openssl/x509v3.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/err.h>
