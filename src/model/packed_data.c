/* Packed rows, as a configuration or a schema wants them. */
#include "base/error.h"
#include "config/config.h"
#include "data/schema_adopt.h"
#include "file/packed.h"
#include "mmoe/train.h"

static mmoe_status pack(const mmoe_dataset *set, const mmoe_packing *what,
                        const mmoe_allocator *alloc, mmoe_error *err) {
    mmoe_packer *p;
    mmoe_status status = mmoe_packer_open(what, alloc, &p, err);
    if (status) return status;
    return mmoe_packer_close(p, mmoe_packer_add(p, set, err), NULL, err);
}

/* `schema` NULL: that of the folder, whose rows get more behind them. */
static mmoe_status pack_with(const char *call, const mmoe_dataset *set, mmoe_packing what,
                             int threads, const mmoe_allocator *alloc, mmoe_error *err) {
    if (!set || !what.folder)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: dataset and folder must not be NULL", call);
    if (mmoe_check_threads(threads, call, err)) return MMOE_E_ARGUMENT;
    if (mmoe_allocator_check(alloc, call, err)) return MMOE_E_ARGUMENT;
    if (set->stored)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: the rows are streamed, and packed already",
                         call);
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    const char **keep = mmoe_alloc_zero(&a, set->n_kept + 1, sizeof *keep);
    mmoe_status status = keep ? MMOE_OK : mmoe_fail_memory(err, set->n_kept * sizeof *keep);
    for (size_t i = 0; keep && i < set->n_kept; i++) keep[i] = set->kept[i].name;
    what.keep = keep;
    if (!status && threads > 1) status = mmoe_pool_create(threads, &a, &what.pool, err);
    if (!status) status = pack(set, &what, &a, err);
    mmoe_pool_free(what.pool);
    mmoe_release(&a, (void *)keep);
    return status;
}

mmoe_status mmoe_dataset_pack(const mmoe_dataset *set, const mmoe_schema *schema,
                              const char *folder, int threads, const mmoe_allocator *alloc,
                              mmoe_error *err) {
    static const char call[] = "mmoe_dataset_pack";
    if (!schema) return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: schema is NULL", call);
    return pack_with(call, set, (mmoe_packing){folder, schema}, threads, alloc, err);
}

mmoe_status mmoe_dataset_append(const mmoe_dataset *set, const char *folder, int threads,
                                const mmoe_allocator *alloc, mmoe_error *err) {
    return pack_with("mmoe_dataset_append", set, (mmoe_packing){folder}, threads, alloc, err);
}

static mmoe_status check_how(const char *call, int how, const mmoe_allocator *alloc,
                             mmoe_error *err) {
    if (how != MMOE_PACKED_LOADED && how != MMOE_PACKED_STREAMED)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "%s: how is %d, neither MMOE_PACKED_LOADED nor MMOE_PACKED_STREAMED", call,
                         how);
    return mmoe_allocator_check(alloc, call, err) ? MMOE_E_ARGUMENT : MMOE_OK;
}

/* The packed rows, loaded where that is wanted. */
static mmoe_status open_rows(const char *folder, int how, const mmoe_allocator *alloc,
                             mmoe_schema **schema, mmoe_dataset **out, mmoe_error *err) {
    mmoe_schema *learned;
    mmoe_dataset *set;
    mmoe_status status = mmoe_packed_open(folder, alloc, &learned, &set, err);
    if (status) return status;
    if (how == MMOE_PACKED_LOADED) status = mmoe_dataset_load(set, 1, NULL, err);
    if (status) {
        mmoe_schema_free(learned);
        mmoe_dataset_free(set);
        return status;
    }
    *schema = learned;
    *out = set;
    return MMOE_OK;
}

/* The schema as the configuration wants it; without one it is the rows' own. Takes `learned`. */
static mmoe_status adopt(const mmoe_config *config, const char *folder, mmoe_schema *learned,
                         const mmoe_allocator *alloc, mmoe_schema **out, mmoe_error *err) {
    if (!config) {
        *out = learned;
        return MMOE_OK;
    }
    mmoe_label_column *labels = mmoe_config_labels(config, alloc);
    mmoe_status status = labels ? MMOE_OK : mmoe_fail_memory(err, sizeof *labels);
    const mmoe_schema_wanted wanted = {&config->features, labels, config->n_task, folder};
    if (!status) status = mmoe_schema_adopt(&wanted, learned, alloc, out, err);
    mmoe_schema_free(learned);
    mmoe_release(alloc, labels);
    return status;
}

mmoe_status mmoe_dataset_fit_packed(const mmoe_config *config, const char *folder, int how,
                                    const mmoe_allocator *alloc, mmoe_schema **schema,
                                    mmoe_dataset **out, mmoe_error *err) {
    static const char call[] = "mmoe_dataset_fit_packed";
    if (!folder || !schema || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: folder, schema or out is NULL", call);
    if (check_how(call, how, alloc, err)) return MMOE_E_ARGUMENT;
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_schema *learned = NULL;
    mmoe_dataset *set = NULL;
    mmoe_status status = open_rows(folder, how, &a, &learned, &set, err);
    if (!status) status = adopt(config, folder, learned, &a, schema, err);
    if (status)
        mmoe_dataset_free(set);
    else
        *out = set;
    return status;
}

mmoe_status mmoe_dataset_read_packed(const mmoe_schema *schema, const char *folder, int how,
                                     const mmoe_allocator *alloc, mmoe_dataset **out,
                                     mmoe_error *err) {
    static const char call[] = "mmoe_dataset_read_packed";
    if (!schema || !folder || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: an argument is NULL", call);
    if (check_how(call, how, alloc, err)) return MMOE_E_ARGUMENT;
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_schema *learned;
    mmoe_dataset *set;
    mmoe_status status = open_rows(folder, how, &a, &learned, &set, err);
    if (status) return status;
    mmoe_schema_free(learned);
    if (set->schema_hash != mmoe_schema_fingerprint(schema))
        status = mmoe_fail(err, MMOE_E_ARGUMENT,
                           "%s: the rows were packed by another schema: their columns, "
                           "vocabularies or transforms are not those of the model",
                           folder);
    if (status)
        mmoe_dataset_free(set);
    else
        *out = set;
    return status;
}
