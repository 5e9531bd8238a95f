// The compressor that recordings use: Swift sees zstd's C interface through this header.
#include <zstd.h>
