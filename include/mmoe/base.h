/* mmoe/base.h: version, status, errors, memory. See mmoe/mmoe.h for the conventions. */
#ifndef MMOE_BASE_H
#define MMOE_BASE_H

#include <stddef.h>
#include <stdint.h>

#define MMOE_VERSION_MAJOR 0
#define MMOE_VERSION_MINOR 1
#define MMOE_VERSION_PATCH 0
/* Version of the binary interface. It changes when a program that was built against an older header
 * would break. */
#define MMOE_SOVERSION 0

/* Defined empty (-DMMOE_API=), it hides the functions like everything else. Use this for a static
 * copy of the library inside a plug-in, so that its symbols do not collide with those of another
 * copy. */
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
    MMOE_E_IO = -3,       /* the operating system failed: missing file, full disk, no permission */
    MMOE_E_FORMAT = -4,   /* a file is malformed: truncated, changed, not CSV or JSON */
    MMOE_E_VERSION = -5,  /* a file was written by a newer version of this library */
    MMOE_E_CONFIG = -6,   /* a configuration has an unknown key or an impossible value */
    MMOE_E_DATA = -7,     /* the schema does not allow a value of the data */
    MMOE_E_NUMERIC = -8,  /* training produced a value that is not finite */
    MMOE_E_CANCELLED = -9 /* a callback or mmoe_trainer_stop asked to stop */
};

/* Returns a short description of a status. It is never NULL, for any int. The string is static.
 * Thread-safe. */
MMOE_API const char *mmoe_status_string(mmoe_status status);

/* Returns the version of the library, "0.1.0". The string is static. Thread-safe. */
MMOE_API const char *mmoe_version(void);

/* Describes what went wrong, and where. Fields that do not apply are "" or 0. */
typedef struct mmoe_error {
    mmoe_status code;
    int64_t row; /* the row of a file, from 1; the header, if there is one, is row 1. Blank lines
                  * that are not rows, and newlines within quotes, do not count. 0: no row */
    char column[128];  /* the name of a column or configuration key; long names are cut */
    char file[256];    /* the path of the file as it was given; long paths are cut */
    char message[512]; /* a complete sentence that includes the place, without a newline, in UTF-8;
                        * bytes of names and values that are not UTF-8 are shown as ? */
} mmoe_error;

/* ---- Memory ---- */

/* Where the library allocates its memory.
 *  - The functions may be called from several threads at the same time.
 *  - `alloc` and `resize` return NULL if there is no memory. Memory must be aligned like that of
 * malloc.
 *  - `resize` also receives the old size, in bytes.
 *  - `release` must accept NULL.
 *  - No function may be NULL, and none may throw. */
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
