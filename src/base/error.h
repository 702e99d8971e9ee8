/* Filling mmoe_error. Each returns `code`, so a failure is one line: return mmoe_fail(err,
 * MMOE_E_IO, "...", ...). */
#ifndef MMOE_BASE_ERROR_H
#define MMOE_BASE_ERROR_H

#include "mmoe/mmoe.h"

/* `format`: a whole sentence without newline. Any pointer may be NULL. */
mmoe_status mmoe_fail(mmoe_error *err, mmoe_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* With a place: the message becomes "FILE: row R: column \"C\": sentence", leaving out what is NULL
 * or 0. */
mmoe_status mmoe_fail_at(mmoe_error *err, mmoe_status code, const char *file, int64_t row,
                         const char *column, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* MMOE_E_FORMAT, with the file. */
mmoe_status mmoe_fail_format(mmoe_error *err, const char *file, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "out of memory" for `bytes` wanted. */
mmoe_status mmoe_fail_memory(mmoe_error *err, size_t bytes);

/* MMOE_E_ARGUMENT if one of a public structure's `reserved` members is not NULL: later versions may
 * give them a meaning. */
mmoe_status mmoe_check_reserved(void *const *members, size_t count, const char *call,
                                mmoe_error *err);
#define MMOE_CHECK_RESERVED(options, call, err)                                                    \
    mmoe_check_reserved((options)->reserved,                                                       \
                        sizeof(options)->reserved / sizeof *(options)->reserved, call, err)

/* The system's words for an errno, whatever other threads ask meanwhile; they may stand in `text`.
 */
enum { MMOE_REASON_SIZE = 128 };
const char *mmoe_reason(int number, char text[MMOE_REASON_SIZE]);
/* MMOE_E_IO: "FILE: WHAT: the reason that errno has", as in "a.csv: cannot open: No such file". */
mmoe_status mmoe_fail_system(mmoe_error *err, const char *file, const char *what);

#endif
