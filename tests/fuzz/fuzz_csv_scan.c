/* Any bytes as CSV: the scanner and libcsv alone tell the same rows, or the same fault at the same
 * row. */
#include "../support/csv_told.h"
#include "base/csv_stretch.h"
#include "fuzz.h"

static void compare(const char *bytes, size_t size, mmoe_csv_handler how) {
    char *wanted, *told = csv_tells_otherwise(bytes, size, how, &wanted);
    if (!told) return;
    fprintf(stderr, "the reader tells:\n%s\nlibcsv:\n%s\n", told, wanted);
    abort();
}

/* The end of what is scanned at a time stands within the bytes, behind a long header. */
static void compare_cut(const char *bytes, size_t size) {
    static char text[MMOE_CSV_STRETCH + 1024];
    if (size > 1024) return;
    const size_t before = MMOE_CSV_STRETCH - size / 2;
    memset(text, 'x', before);
    memcpy(text, "a,", 2);
    text[before - 1] = '\n';
    memcpy(text + before, bytes, size);
    compare(text, before + size, (mmoe_csv_handler){.lenient = false});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char separators[] = ",;\t ";
    for (int i = 0; i < 16; i++)
        compare((const char *)data, size,
                (mmoe_csv_handler){
                    .lenient = i & 1, .headless = i & 2, .separator = separators[i / 4]});
    if (size % 4 == 0) compare_cut((const char *)data, size);
    return 0;
}
