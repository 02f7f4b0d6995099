#pragma once
// What Swift sees of the library; wrappers for variadic functions belong here as static inline functions.
#include <microhttpd.h>
