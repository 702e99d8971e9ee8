/* "\x93NUMPY", a version, the length of a header, the header, which is a Python dictionary, and the
 * values:
 *
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (10, 4), }
 */
#include "file/npy.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/regular_file.h"

enum { MOST_HEADER = 4096, FAULT_SIZE = 160 };

/* ---- Header ---- */

typedef struct header {
    const char *at; /* what is not read yet */
    unsigned seen;  /* entries, a bit each */
    mmoe_npy *npy;
    char fault[FAULT_SIZE];
} header;

static const char broken[] = "its header is no dictionary of descr, fortran_order and shape";

static void skip_blanks(header *h) { h->at += strspn(h->at, " \t\n"); }

static bool take(header *h, const char *word) {
    skip_blanks(h);
    const size_t length = strlen(word);
    if (strncmp(h->at, word, length) != 0) return false;
    h->at += length;
    return true;
}

/* A quoted text without escapes. */
static bool take_text(header *h, char *out, size_t size) {
    const char quote = take(h, "'") ? '\'' : '"';
    if (quote == '"' && !take(h, "\"")) return false;
    const char *end = strchr(h->at, quote);
    const size_t length = end ? (size_t)(end - h->at) : size;
    if (length >= size) return false;
    memcpy(out, h->at, length);
    out[length] = '\0';
    h->at = end + 1;
    return true;
}

static bool take_size(header *h, int64_t *out) {
    skip_blanks(h);
    if (!(*h->at >= '0' && *h->at <= '9')) return false;
    for (*out = 0; *h->at >= '0' && *h->at <= '9'; h->at++)
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, *h->at - '0', out))
            return false;
    return true;
}

static const char *take_type(header *h) {
    char type[32] = "of several fields";
    if (!take(h, "[") && !take_text(h, type, sizeof type)) return broken;
    h->npy->dtype = strcmp(type, "<f8") == 0 ? MMOE_F64 : MMOE_F32;
    if (h->npy->dtype == MMOE_F64 || strcmp(type, "<f4") == 0) return NULL;
    snprintf(h->fault, sizeof h->fault,
             "its type is %s, not <f4 or <f8: float32 or float64, little-endian", type);
    return h->fault;
}

static const char *take_order(header *h) {
    if (take(h, "False")) return NULL;
    return take(h, "True") ? "its values stand in Fortran's order, not in C's" : broken;
}

static const char *take_shape(header *h) {
    int64_t sizes[2] = {0, 0}, size;
    int count = 0;
    if (!take(h, "(")) return broken;
    while (!take(h, ")")) {
        if (!take_size(h, &size)) return broken;
        if (count < 2) sizes[count] = size;
        count++;
        if (!take(h, ",") && *h->at != ')') return broken;
    }
    h->npy->rows = sizes[0];
    h->npy->cols = sizes[1];
    if (count == 2) return NULL;
    snprintf(h->fault, sizeof h->fault, "its shape has %d sizes, not 2", count);
    return h->fault;
}

/* What is wrong; NULL: nothing. */
static const char *parse_header(header *h) {
    static const struct {
        const char *key;
        const char *(*take)(header *h);
    } entries[] = {{"descr", take_type}, {"fortran_order", take_order}, {"shape", take_shape}};
    enum { ENTRIES = sizeof entries / sizeof *entries };
    if (!take(h, "{")) return broken;
    while (!take(h, "}")) {
        char key[32];
        int i = 0;
        if (!take_text(h, key, sizeof key) || !take(h, ":")) return broken;
        while (i < ENTRIES && strcmp(entries[i].key, key) != 0) i++;
        if (i == ENTRIES || h->seen >> i & 1) return broken;
        h->seen |= 1u << i;
        const char *fault = entries[i].take(h);
        if (fault) return fault;
        if (!take(h, ",") && *h->at != '}') return broken;
    }
    return h->seen == (1u << ENTRIES) - 1 ? NULL : broken;
}

/* ---- File ---- */

static mmoe_status read_bytes(const mmoe_npy *npy, void *to, size_t size, mmoe_error *err) {
    errno = 0;
    if (fread(to, 1, size, npy->file) == size) return MMOE_OK;
    if (ferror(npy->file)) return mmoe_fail_system(err, npy->path, "cannot read");
    return mmoe_fail_at(err, MMOE_E_IO, npy->path, 0, NULL, "the file is cut off");
}

static size_t little_endian(const unsigned char *bytes, int count) {
    size_t x = 0;
    while (count--) x = x << 8 | bytes[count];
    return x;
}

/* The length of the header, which comes next. */
static mmoe_status read_start(const mmoe_npy *npy, size_t *length, mmoe_error *err) {
    enum { MAGIC = 6, VERSION = 2 };
    unsigned char start[MAGIC + VERSION], size[4];
    if (fread(start, 1, sizeof start, npy->file) < sizeof start ||
        memcmp(start, "\x93NUMPY", MAGIC) != 0)
        return ferror(npy->file) ? mmoe_fail_system(err, npy->path, "cannot read")
                                 : mmoe_fail_format(err, npy->path, "this is no .npy file");
    const int major = start[MAGIC], width = major == 1 ? 2 : 4;
    if (major < 1 || major > 3)
        return mmoe_fail_at(err, MMOE_E_VERSION, npy->path, 0, NULL,
                            "the format's version is %d.%d; 1 to 3 are read", major,
                            start[MAGIC + 1]);
    const mmoe_status status = read_bytes(npy, size, (size_t)width, err);
    if (status) return status;
    *length = little_endian(size, width);
    return *length <= MOST_HEADER
               ? MMOE_OK
               : mmoe_fail_format(err, npy->path,
                                  "its header has %zu bytes; a matrix of floats needs no more "
                                  "than %d",
                                  *length, MOST_HEADER);
}

/* As many bytes as the shape promises stand behind the header. */
static mmoe_status check_size(const mmoe_npy *npy, mmoe_error *err) {
    struct stat about;
    const long place = ftell(npy->file);
    int64_t wanted;
    if (place < 0 || fstat(fileno(npy->file), &about))
        return mmoe_fail_system(err, npy->path, "cannot read");
    if (__builtin_mul_overflow(npy->rows, npy->cols, &wanted) ||
        __builtin_mul_overflow(wanted, (int64_t)mmoe_dtype_size(npy->dtype), &wanted))
        return mmoe_fail_format(err, npy->path, "its shape (%lld, %lld) is too large",
                                (long long)npy->rows, (long long)npy->cols);
    const int64_t found = (int64_t)about.st_size - place;
    if (found == wanted) return MMOE_OK;
    return mmoe_fail_format(
        err, npy->path, "its shape (%lld, %lld) needs %lld bytes of values; the file has %lld",
        (long long)npy->rows, (long long)npy->cols, (long long)wanted, (long long)found);
}

static mmoe_status read_header(mmoe_npy *npy, mmoe_error *err) {
    char text[MOST_HEADER + 1];
    size_t length = 0;
    mmoe_status status = read_start(npy, &length, err);
    if (!status) status = read_bytes(npy, text, length, err);
    if (status) return status;
    text[length] = '\0';
    header h = {.at = text, .npy = npy};
    const char *fault = parse_header(&h);
    return fault ? mmoe_fail_format(err, npy->path, "%s", fault) : check_size(npy, err);
}

mmoe_status mmoe_npy_open(const char *path, mmoe_npy *out, mmoe_error *err) {
    int file;
    *out = (mmoe_npy){.path = path};
    mmoe_status status = mmoe_open_regular(path, &file, NULL, err);
    if (status) return status;
    out->file = fdopen(file, "rb");
    if (!out->file) {
        status = mmoe_fail_system(err, path, "cannot read");
        close(file);
        return status;
    }
    status = read_header(out, err);
    if (status) mmoe_npy_close(out);
    return status;
}

mmoe_status mmoe_npy_read(const mmoe_npy *npy, float *to, mmoe_error *err) {
    enum { PIECE = 1024 };
    const size_t count = (size_t)(npy->rows * npy->cols);
    double wide[PIECE];
    mmoe_status status = MMOE_OK;
    if (npy->dtype == MMOE_F32) return read_bytes(npy, to, count * sizeof *to, err);
    for (size_t done = 0, some; !status && done < count; done += some) {
        some = count - done < PIECE ? count - done : PIECE;
        status = read_bytes(npy, wide, some * sizeof *wide, err);
        for (size_t i = 0; !status && i < some; i++) to[done + i] = (float)wide[i];
    }
    return status;
}

void mmoe_npy_close(mmoe_npy *npy) {
    if (npy->file) fclose(npy->file);
    npy->file = NULL;
}
