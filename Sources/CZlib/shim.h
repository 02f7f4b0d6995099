#pragma once
// What Swift sees of the library; wrappers for macros belong here as static inline functions.
#include <zlib.h>

static inline int swiftlet_inflate_init(z_stream *stream) { return inflateInit(stream); }
static inline int swiftlet_deflate_init(z_stream *stream) { return deflateInit(stream, Z_DEFAULT_COMPRESSION); }
