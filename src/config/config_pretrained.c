/* Tables that begin with a file's vectors, or do not learn. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "config/config_check.h"

/* Both a folder and a tensor may have ':' in their names: the file ends where its kind is told. */
bool mmoe_config_pretrained(const char *text, mmoe_pretrained_place *out) {
    static const char npy[] = ".npy", safetensors[] = ".safetensors:";
    const size_t length = strlen(text), end = sizeof npy - 1;
    const char *kind = strstr(text, safetensors);
    if (kind) {
        const char *tensor = kind + sizeof safetensors - 1;
        *out = (mmoe_pretrained_place){(size_t)(tensor - text) - 1, tensor};
        return kind > text && *tensor;
    }
    *out = (mmoe_pretrained_place){length, NULL};
    return length > end && strcmp(text + length - end, npy) == 0;
}

/* The keys that decide for kinds whose rows no training file tells: "a, b or c". */
static void list_known_kinds(char *out, size_t size) {
    const mmoe_column_kind *kind;
    const char *last = NULL;
    size_t used = 0;
    *out = '\0';
    for (int32_t i = 0; (kind = mmoe_column_kind_at(i)); i++) {
        if (kind->shape != MMOE_SHAPE_ID || !kind->is_decided || kind->without_file) continue;
        if (last) used += (size_t)snprintf(out + used, size - used, used ? ", %s" : "%s", last);
        assert(used < size);
        last = mmoe_key_name(kind->keys);
    }
    snprintf(out + used, size - used, " or %s", last);
}

/* Row r of a file is row r of the table, so no training file may say what that is. */
static mmoe_status check_pretrained(const mmoe_sparse_spec *s, const char *item,
                                    const mmoe_key_place *place) {
    char path[MMOE_PATH_SIZE], known[120];
    mmoe_pretrained_place file;
    snprintf(path, sizeof path, "%s.pretrained", item);
    if (!mmoe_config_pretrained(s->pretrained, &file))
        return mmoe_key_fail(place, path,
                             "\"%.200s\" is neither FILE.npy nor FILE.safetensors:TENSOR",
                             s->pretrained);
    if (strchr(s->name, '*') && !s->column)
        return mmoe_key_fail(place, path,
                             "\"%s\" is a pattern, whose columns have a table each; a file is "
                             "one table's",
                             s->name);
    if (!s->encoder->kind->without_file) return MMOE_OK;
    list_known_kinds(known, sizeof known);
    return mmoe_key_fail(place, path,
                         "the training file's values say what the rows of this table are, so no "
                         "file of vectors can have them in their order; give %s",
                         known);
}

mmoe_status mmoe_config_check_table(const mmoe_sparse_spec *s, const char *item,
                                    const mmoe_key_place *place) {
    char path[MMOE_PATH_SIZE];
    snprintf(path, sizeof path, "%s.%s", item, s->pretrained ? "pretrained" : "trainable");
    if (s->shared_with && (s->pretrained || s->trainable))
        return mmoe_key_fail(place, path, "it belongs to the column \"%s\" that owns the table",
                             s->shared_with);
    return s->pretrained ? check_pretrained(s, item, place) : MMOE_OK;
}
