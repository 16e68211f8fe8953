// zlib as the unpacker sees it. inflateInit2 is a macro, which Swift cannot import.
#include <zlib.h>

static inline int czlib_start_raw(z_streamp stream) { return inflateInit2(stream, -15); }
