#include "file/packed_kept.h"

#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/text.h"
#include "file/packed.h"
#include "file/packed_tensors.h"

static const mmoe_packed_form form = {"mmoe kept columns", "a file of kept columns' values", NULL};

enum { NAME_SIZE = 40 };

static void name_tensor(char out[NAME_SIZE], size_t column, const char *what) {
    snprintf(out, NAME_SIZE, "%zu.%s", column, what);
}

mmoe_status mmoe_packed_begin_kept(struct mmoe_dataset *set, const char *const *names,
                                   mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && names && names[i]; i++) {
        mmoe_kept kept;
        status = mmoe_kept_begin(&kept, names[i], &set->alloc, err);
        if (!status) status = mmoe_dataset_add_kept(set, &kept, err);
        if (status) mmoe_kept_finish(&kept, &set->alloc);
    }
    return status;
}

/* ---- Writing ---- */

/* A column's values, as they go to the file. */
typedef struct key_texts {
    char names[2][NAME_SIZE]; /* of the tensors */
    int64_t *offsets, count;
    char *bytes;
} key_texts;

static mmoe_status take_keys(const mmoe_kept *kept, int64_t first, const mmoe_allocator *a,
                             key_texts *out, mmoe_error *err) {
    char room[MMOE_NUMBER_SIZE];
    int64_t size = 0;
    size_t length;
    out->count = mmoe_vocab_rows(kept->vocab) - first;
    out->offsets = mmoe_alloc(a, (size_t)out->count + 1, sizeof *out->offsets);
    if (!out->offsets) return mmoe_fail_memory(err, (size_t)out->count * sizeof *out->offsets);
    out->offsets[0] = 0;
    for (int64_t i = 0; i < out->count; i++) {
        mmoe_vocab_key_text(kept->vocab, first + i, room, &length);
        out->offsets[i + 1] = size += (int64_t)length;
    }
    out->bytes = mmoe_alloc(a, (size_t)size, 1);
    if (!out->bytes) return mmoe_fail_memory(err, (size_t)size);
    for (int64_t i = 0; i < out->count; i++) {
        const char *text = mmoe_vocab_key_text(kept->vocab, first + i, room, &length);
        if (length) memcpy(out->bytes + out->offsets[i], text, length);
    }
    return MMOE_OK;
}

static void name_keys(size_t column, key_texts *k, mmoe_container_tensor *offsets,
                      mmoe_container_tensor *bytes) {
    name_tensor(k->names[0], column, "offsets");
    name_tensor(k->names[1], column, "bytes");
    *offsets = (mmoe_container_tensor){.name = k->names[0],
                                       .dtype = MMOE_I64,
                                       .rank = 1,
                                       .shape = {k->count + 1},
                                       .data = k->offsets,
                                       .bytes = (size_t)(k->count + 1) * sizeof *k->offsets};
    *bytes = (mmoe_container_tensor){.name = k->names[1],
                                     .dtype = MMOE_U8,
                                     .rank = 1,
                                     .shape = {k->offsets[k->count]},
                                     .data = k->bytes,
                                     .bytes = (size_t)k->offsets[k->count]};
}

static mmoe_status write_tensors(const char *folder, const mmoe_container_tensor *tensors,
                                 size_t count, const mmoe_allocator *a, mmoe_error *err) {
    char *path = mmoe_packed_path(a, folder, MMOE_PACKED_KEPT);
    if (!path) return mmoe_fail_memory(err, strlen(folder));
    const mmoe_status status = mmoe_packed_write_tensors(
        path, &form, &(mmoe_packed_tensors){tensors, count, NULL}, a, err);
    mmoe_release(a, path);
    return status;
}

mmoe_status mmoe_packed_write_kept(const struct mmoe_dataset *set, const char *folder,
                                   const int64_t *first, mmoe_error *err) {
    const mmoe_allocator *a = &set->alloc;
    const size_t n = set->n_kept;
    key_texts *keys = mmoe_alloc_zero(a, n, sizeof *keys);
    mmoe_container_tensor *tensors = mmoe_alloc(a, 2 * n, sizeof *tensors);
    mmoe_status status =
        keys && tensors ? MMOE_OK : mmoe_fail_memory(err, n * (sizeof *keys + sizeof *tensors));
    for (size_t i = 0; !status && i < n; i++) {
        status = take_keys(&set->kept[i], first[i], a, &keys[i], err);
        if (!status) name_keys(i, &keys[i], &tensors[i], &tensors[n + i]);
    }
    if (!status) status = write_tensors(folder, tensors, 2 * n, a, err);
    for (size_t i = 0; keys && i < n; i++) {
        mmoe_release(a, keys[i].offsets);
        mmoe_release(a, keys[i].bytes);
    }
    mmoe_release(a, keys);
    mmoe_release(a, tensors);
    return status;
}

uint64_t mmoe_packed_kept_sum(const struct mmoe_dataset *set, const int64_t *first) {
    char room[MMOE_NUMBER_SIZE];
    uint64_t sum = 0;
    for (size_t i = 0; i < set->n_kept; i++) {
        const int64_t rows = mmoe_vocab_rows(set->kept[i].vocab);
        sum = mmoe_checksum_hash(sum, set->kept[i].name, strlen(set->kept[i].name));
        for (int64_t row = first[i]; row < rows; row++) {
            size_t length;
            const char *text = mmoe_vocab_key_text(set->kept[i].vocab, row, room, &length);
            sum = mmoe_checksum_hash(sum, text, length);
        }
    }
    return sum ? sum : 1;
}

/* ---- Reading ---- */

static const mmoe_container_tensor *find_vector(const mmoe_container *file, size_t column,
                                                const char *what, mmoe_dtype dtype) {
    char name[NAME_SIZE];
    name_tensor(name, column, what);
    const mmoe_container_tensor *t = mmoe_container_find(file, name);
    return t && t->dtype == dtype && t->rank == 1 ? t : NULL;
}

/* A value that is new, of bytes that there are. */
static mmoe_status enter(mmoe_vocab *vocab, const int64_t at[2], const mmoe_container_tensor *bytes,
                         const char *path, mmoe_error *err) {
    const int64_t next = mmoe_vocab_rows(vocab);
    int32_t row = 0;
    if (at[0] < 0 || at[1] <= at[0] || at[1] > bytes->shape[0])
        return mmoe_fail_format(err, path, "offsets of values do not ascend, or leave their bytes");
    const mmoe_status status = mmoe_vocab_add(vocab, (const char *)bytes->data + at[0],
                                              (size_t)(at[1] - at[0]), &row, err);
    if (status || row == next) return status;
    return mmoe_fail_format(err, path, "a value stands there twice");
}

static mmoe_status read_keys(const mmoe_container *file, size_t column, mmoe_vocab *vocab,
                             mmoe_error *err) {
    const char *path = mmoe_container_name(file);
    const mmoe_container_tensor *offsets = find_vector(file, column, "offsets", MMOE_I64),
                                *bytes = find_vector(file, column, "bytes", MMOE_U8);
    if (!offsets || !bytes)
        return mmoe_fail_format(err, path, "the values of kept column %zu are missing", column);
    mmoe_status status = MMOE_OK;
    for (int64_t i = 0; !status && i + 1 < offsets->shape[0]; i++)
        status = enter(vocab, (const int64_t *)offsets->data + i, bytes, path, err);
    return status;
}

/* What reading holds the values of rows against. */
static void count_values(const struct mmoe_dataset *set) {
    for (size_t i = 0; i < set->n_kept; i++)
        set->stored->most_kept[i] = (int32_t)(mmoe_vocab_rows(set->kept[i].vocab) - 1);
}

static mmoe_status read_file(struct mmoe_dataset *set, const char *path, mmoe_error *err) {
    mmoe_container *file;
    mmoe_status status = mmoe_container_open(path, false, &set->alloc, &file, err);
    if (status) return status;
    status = mmoe_packed_check_tensors(file, &form, err);
    for (size_t i = 0; !status && i < set->n_kept; i++)
        status = read_keys(file, i, set->kept[i].vocab, err);
    mmoe_container_close(file);
    return status;
}

mmoe_status mmoe_packed_read_kept(struct mmoe_dataset *set, const mmoe_stored_part *part,
                                  mmoe_error *err) {
    const mmoe_allocator *a = &set->alloc;
    char *path = mmoe_packed_path(a, part->folder, MMOE_PACKED_KEPT);
    int64_t *first = mmoe_alloc(a, set->n_kept, sizeof *first);
    mmoe_status status = path && first ? MMOE_OK : mmoe_fail_memory(err, strlen(part->folder));
    for (size_t i = 0; !status && i < set->n_kept; i++)
        first[i] = mmoe_vocab_rows(set->kept[i].vocab);
    if (!status) status = read_file(set, path, err);
    if (!status && part->kept_sum && part->kept_sum != mmoe_packed_kept_sum(set, first))
        status = mmoe_fail_format(err, path, "its values are not those that the manifest names");
    mmoe_release(a, path);
    mmoe_release(a, first);
    count_values(set);
    return status;
}

mmoe_status mmoe_packed_finish_kept(const struct mmoe_dataset *set, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    count_values(set);
    for (size_t i = 0; !status && i < set->n_kept; i++)
        status = mmoe_vocab_finish(set->kept[i].vocab, err);
    return status;
}
