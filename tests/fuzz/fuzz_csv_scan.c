/* Any bytes as CSV: the scanner and libcsv alone tell the same rows, or the same fault at the same
 * row. */
#include "../support/csv_told.h"
#include "fuzz.h"

static void compare(const char *bytes, size_t size, mmoe_csv_handler how) {
    char *wanted, *told = csv_tells_otherwise(bytes, size, how, &wanted);
    if (!told) return;
    fprintf(stderr, "the reader tells:\n%s\nlibcsv:\n%s\n", told, wanted);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char separators[] = ",;\t ";
    for (int i = 0; i < 16; i++)
        compare((const char *)data, size,
                (mmoe_csv_handler){
                    .lenient = i & 1, .headless = i & 2, .separator = separators[i / 4]});
    return 0;
}
