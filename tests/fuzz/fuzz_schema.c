/* Any text as a model file's schema: what is taken is written out as a tree that reads back to the
 * same. */
#include <stdlib.h>

#include "fuzz.h"
#include "base/json_text.h"
#include "file/schema_json.h"

enum { MOST_ROWS = 100 };

/* The keys 1, 2, ... as numbers or as digits. */
static mmoe_status few_keys(void *user, const mmoe_vocab_wanted *wanted, mmoe_vocab **out,
                            mmoe_error *err) {
    (void)user;
    const bool is_string = wanted->is_text;
    const int64_t rows = wanted->rows;
    static const char digits[] = "0123456789";
    int64_t keys[MOST_ROWS];
    if (rows < 1 || rows > (is_string ? 11 : MOST_ROWS)) return MMOE_E_FORMAT;
    for (int64_t i = 0; i < rows; i++) keys[i] = i;
    return is_string ? mmoe_vocab_from_texts(
                           &(mmoe_packed_texts){digits, (size_t)rows - 1, keys, (size_t)rows - 1},
                           NULL, out, err)
                     : mmoe_vocab_from_ints(keys, (size_t)rows - 1, NULL, out, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *json;
    json_error_t error;
    mmoe_schema *schema, *again;
    mmoe_error err;
    mmoe_allocator a = mmoe_allocator_or_default(NULL);
    if (mmoe_json_parse((const char *)data, size, JSON_REJECT_DUPLICATES, &a, &json, &error))
        return 0;
    if (!mmoe_schema_from_json(json, "fuzz", (mmoe_vocab_source){few_keys, NULL}, NULL, &schema,
                               &err)) {
        json_t *tree = mmoe_schema_to_json(schema), *same;
        if (mmoe_schema_from_json(tree, "fuzz", (mmoe_vocab_source){few_keys, NULL}, NULL, &again,
                                  &err))
            abort();
        same = mmoe_schema_to_json(again);
        if (!json_equal(tree, same)) abort();
        json_decref(tree);
        json_decref(same);
        mmoe_schema_free(schema);
        mmoe_schema_free(again);
    }
    json_decref(json);
    return 0;
}
