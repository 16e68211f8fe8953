// libarchive as the archive reader of Store sees it. The macros that Swift cannot import (casts) become constants.
#include <archive.h>
#include <archive_entry.h>

// syncfs(2), which Swift's Glibc does not show: unpacked archives are made durable by it.
int syncfs(int fd);

static const int carchive_ok = ARCHIVE_OK;
static const int carchive_eof = ARCHIVE_EOF;
static const int carchive_warn = ARCHIVE_WARN;

static const unsigned int carchive_type_regular = 0100000;    // AE_IFREG
static const unsigned int carchive_type_directory = 0040000;  // AE_IFDIR
static const unsigned int carchive_type_link = 0120000;       // AE_IFLNK
