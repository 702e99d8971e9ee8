#include "base/csv_guess.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define IS_UTF16 "like UTF-16, but only UTF-8 is read: convert it first (iconv -t UTF-8)"
#define LIKE_JSON "like JSON: write it as CSV first"
#define LIKE_HTML "like a page of HTML, perhaps one that says why the file is not there"
#define UNPACK(name) "compressed by " name ": unpack it first"

typedef struct first_bytes {
    const char *bytes;
    size_t length;
    const char *what;
} first_bytes;

/* UTF-32 begins as UTF-16 does. */
static const first_bytes known[] = {
    {"\xff\xfe", 2, IS_UTF16},
    {"\xfe\xff", 2, IS_UTF16},
    {"\0\0\xfe\xff", 4, "like UTF-32, but only UTF-8 is read: convert it first (iconv)"},
    {"\x1f\x8b", 2, UNPACK("gzip")},
    {"BZh91AY&SY", 10, UNPACK("bzip2")},
    {"\x28\xb5\x2f\xfd", 4, UNPACK("zstd")},
    {"\xfd\x37zXZ\0", 6, UNPACK("xz")},
    {"\x04\x22\x4d\x18", 4, UNPACK("LZ4")},
    {"PK\x03\x04", 4, "like a zip archive, as spreadsheets are: save it as CSV first"},
    {"PAR1", 4, "like a Parquet file: write it as CSV first"},
    {"ARROW1", 6, "like an Arrow file: write it as CSV first"},
    {"\x93NUMPY", 6, "like an array of NumPy's: write it as CSV first"},
    {"{\"", 2, LIKE_JSON},
    {"{ \"", 3, LIKE_JSON},
    {"[{", 2, LIKE_JSON},
    {"<!DOCTYPE", 9, LIKE_HTML},
    {"<html", 5, LIKE_HTML},
    {"version https://git-lfs", 23, "like a pointer of Git LFS: fetch the file (git lfs pull)"},
};

/* Letters of ASCII have a zero byte each, before or behind. */
static bool is_utf16(const char *bytes, size_t length) {
    if (length < 4) return false;
    const bool high = !bytes[0] && !bytes[2] && bytes[1] && bytes[3],
               low = bytes[0] && bytes[2] && !bytes[1] && !bytes[3];
    return high || low;
}

/* A tar archive of POSIX, or of GNU: behind the word is a zero byte, which no text has. */
static bool is_tar(const char *bytes, size_t length) {
    enum { AT = 257, SIZE = 8 };
    const char *word = bytes + AT;
    return length >= AT + SIZE &&
           (memcmp(word, "ustar", 6) == 0 || memcmp(word, "ustar  ", SIZE) == 0);
}

const char *mmoe_csv_foreign(const char *bytes, size_t length) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (length >= known[i].length && memcmp(bytes, known[i].bytes, known[i].length) == 0)
            return known[i].what;
    if (is_tar(bytes, length)) return "like a tar archive: unpack it first";
    return is_utf16(bytes, length) ? IS_UTF16 : NULL;
}

size_t mmoe_csv_sep_line(const char *bytes, size_t length, char *separator) {
    const bool quoted = length > 0 && *bytes == '"';
    size_t at = quoted;
    if (length < at + 5 || strncasecmp(bytes + at, "sep=", 4) != 0) return 0;
    const char found = bytes[at + 4];
    at += 5;
    if (strchr("\r\n\"", found)) return 0;
    if (quoted && (at == length || bytes[at++] != '"')) return 0;
    if (at < length && bytes[at] == '\r') at++;
    if (at < length && bytes[at] == '\n') at++;
    if (at < length && bytes[at - 1] != '\n' && bytes[at - 1] != '\r') return 0;
    *separator = found;
    return at;
}

char mmoe_csv_other_separator(const char *bytes, size_t length) {
    size_t semicolons = 0, tabs = 0, bars = 0;
    bool quoted = false;
    for (size_t i = 0; i < length && (quoted || !memchr("\r\n", bytes[i], 2)); i++) {
        if (bytes[i] == '"') quoted = !quoted;
        if (quoted) continue;
        if (bytes[i] == ',') return 0;
        semicolons += bytes[i] == ';';
        tabs += bytes[i] == '\t';
        bars += bytes[i] == '|';
    }
    if (semicolons && semicolons >= tabs && semicolons >= bars) return ';';
    if (tabs && tabs >= bars) return '\t';
    return bars ? '|' : 0;
}
