/* mmoe/base.h: version, status, errors, memory. See mmoe/mmoe.h for the conventions. */
#ifndef MMOE_BASE_H
#define MMOE_BASE_H

#include <stddef.h>
#include <stdint.h>

#define MMOE_VERSION_MAJOR 0
#define MMOE_VERSION_MINOR 1
#define MMOE_VERSION_PATCH 0
/* Binary interface: changes when a program built against an older header would break. */
#define MMOE_SOVERSION 0

/* Empty (-DMMOE_API=), the functions are hidden with all else: for a static copy of the library
 * inside a plug-in, whose symbols must not meet another copy's. */
#ifndef MMOE_API
#if defined(__GNUC__)
#define MMOE_API __attribute__((visibility("default")))
#else
#define MMOE_API
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Status ---- */

typedef int mmoe_status;
enum {
    MMOE_OK = 0,
    MMOE_E_ARGUMENT = -1, /* a call's argument is wrong: NULL, out of range, of another schema */
    MMOE_E_MEMORY = -2,   /* an allocation failed */
    MMOE_E_IO = -3,       /* the operating system refused: missing file, full disk, no permission */
    MMOE_E_FORMAT = -4,  /* a file is not what it should be: truncated, tampered, not CSV or JSON */
    MMOE_E_VERSION = -5, /* a file was written by a newer version of this library */
    MMOE_E_CONFIG = -6,  /* a configuration names an unknown key or an impossible value */
    MMOE_E_DATA = -7,    /* a value in the data is not allowed by the schema */
    MMOE_E_NUMERIC = -8, /* training produced a value that is not finite */
    MMOE_E_CANCELLED = -9 /* a callback or mmoe_trainer_stop asked to stop */
};

/* A short description of a status; never NULL, for any int. Thread-safe; the string is static. */
MMOE_API const char *mmoe_status_string(mmoe_status status);

/* "0.1.0"; static. */
MMOE_API const char *mmoe_version(void);

/* What went wrong, and where. Fields that do not apply are "" or 0. */
typedef struct mmoe_error {
    mmoe_status code;
    int64_t row;      /* 1-based row of a file, its header being row 1 where it has one; blank lines
                       * that are no rows and newlines within quotes do not count. 0: none */
    char column[128]; /* name of a column or configuration key; long names are cut */
    char file[256];   /* the file's path as given; long paths are cut */
    char message[512]; /* a whole sentence in UTF-8 that names the place, without newline; a byte of
                        * a name or value that is not UTF-8 appears as ? */
} mmoe_error;

/* ---- Memory ---- */

/* Where the library takes its memory. Each function may be called from any thread at once. `alloc`
 * and `resize` return NULL when there is none; memory must be aligned as malloc's is. `resize` gets
 * the old size too. `release` accepts NULL. None of them may be NULL, nor throw. */
typedef struct mmoe_allocator {
    void *user;
    void *(*alloc)(void *user, size_t size);
    void *(*resize)(void *user, void *memory, size_t old_size, size_t new_size);
    void (*release)(void *user, void *memory);
} mmoe_allocator;

#ifdef __cplusplus
}
#endif

#endif
