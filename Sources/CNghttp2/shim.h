#pragma once
// What Swift sees of the library; wrappers for variadic functions and macros belong here as static inline functions.
#include <nghttp2/nghttp2.h>
