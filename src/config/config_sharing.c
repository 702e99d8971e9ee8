#include "config/config_sharing.h"

#include "data/binding.h"

/* The spec that a column of this name belongs to: of that name, else the first pattern, else "*";
 * NULL: none. */
static const mmoe_sparse_spec *spec_of(const mmoe_feature_specs *f, const char *column) {
    const mmoe_sparse_spec *by_pattern = NULL, *rest = NULL;
    for (int32_t i = 0; i < mmoe_id_specs(f); i++) {
        const mmoe_sparse_spec *s = mmoe_id_spec(f, i);
        if (strcmp(s->name, column) == 0) return s;
        if (!strchr(s->name, '*')) continue;
        if (strcmp(s->name, "*") == 0)
            rest = s;
        else if (!by_pattern && mmoe_pattern_matches(s->name, column))
            by_pattern = s;
    }
    return by_pattern ? by_pattern : rest;
}

/* The spec that owns the table; NULL: none is found, or they share in a circle. */
static const mmoe_sparse_spec *owner_of(const mmoe_feature_specs *f, const mmoe_sparse_spec *s) {
    for (int32_t hops = 0; hops <= mmoe_id_specs(f); hops++) {
        const mmoe_sparse_spec *next = s->shared_with ? spec_of(f, s->shared_with) : s;
        if (!next || next == s) return next;
        s = next;
    }
    return NULL;
}

static void inherit(const json_t *items, mmoe_sparse_spec *specs, const mmoe_feature_specs *f) {
    for (size_t i = 0; i < json_array_size(items); i++) {
        const bool is_own = json_object_get(json_array_get(items, i), "embed_dim");
        const mmoe_sparse_spec *owner =
            specs[i].shared_with && !is_own ? owner_of(f, &specs[i]) : NULL;
        if (owner) specs[i].embed_dim = owner->embed_dim;
    }
}

void mmoe_config_inherit_widths(const json_t *root, mmoe_feature_specs *features) {
    const json_t *lists = json_object_get(root, "features");
    inherit(json_object_get(lists, "sparse"), features->sparse, features);
    inherit(json_object_get(lists, "sequence"), features->sequence, features);
}
