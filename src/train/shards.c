/* Shards: their names, what is said of them, and how they are read. */
#include "train/shards.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/atomic_file.h"
#include "base/error.h"

/* ---- Names and texts ---- */

const char *mmoe_shards_text(const mmoe_shards *s, char text[MMOE_SHARDS_TEXT]) {
    int used = snprintf(text, MMOE_SHARDS_TEXT, "%" PRIu64, s->save);
    for (int32_t i = 0; i < s->count; i++) {
        char sum[MMOE_CHECKSUM_SIZE];
        mmoe_checksum_print(s->items[i].sum, sum);
        used += snprintf(text + used, (size_t)(MMOE_SHARDS_TEXT - used), " %" PRIu64 ":%s",
                         s->items[i].bytes, sum);
    }
    return text;
}

bool mmoe_shards_read_text(const char *text, mmoe_shards *out) {
    int used = 0;
    *out = (mmoe_shards){0};
    if (sscanf(text, "%" SCNu64 "%n", &out->save, &used) != 1) return false;
    for (text += used; *text; text += used, out->count++) {
        if (out->count == MMOE_TABLE_PARTS) return false;
        if (sscanf(text, " %" SCNu64 ":%16" SCNx64 "%n", &out->items[out->count].bytes,
                   &out->items[out->count].sum, &used) != 2)
            return false;
    }
    return out->count > 1 && (out->count & (out->count - 1)) == 0;
}

const char *mmoe_shard_text(const mmoe_shards *s, int32_t index, char text[MMOE_SHARD_TEXT]) {
    snprintf(text, MMOE_SHARD_TEXT, "%d of %d of save %" PRIu64, (int)index, (int)s->count,
             s->save);
    return text;
}

const char *mmoe_shard_path(const char *target, uint64_t save, int32_t index,
                            char path[MMOE_SHARD_PATH]) {
    snprintf(path, MMOE_SHARD_PATH, "%s.rows-%" PRIu64 "-%d", target, save, (int)index);
    return path;
}

/* ---- Reading ---- */

static mmoe_status check_itself(const mmoe_shard_files *f, int32_t i, mmoe_error *err) {
    const mmoe_container *c = f->files[i];
    const char *format = mmoe_container_metadata(c, "format"),
               *says = mmoe_container_metadata(c, "shard"), *path = mmoe_container_name(c);
    char wanted[MMOE_SHARD_TEXT];
    mmoe_shard_text(&f->shards, i, wanted);
    if (!format || strcmp(format, MMOE_SHARD_FORMAT) != 0 || !says)
        return mmoe_fail_format(err, path, "this is no shard of a checkpoint");
    if (strcmp(says, wanted) != 0)
        return mmoe_fail_format(err, path, "this is shard %.60s, where %s of %.200s belongs", says,
                                wanted, f->path);
    return MMOE_OK;
}

static mmoe_status check_size(const mmoe_shard_files *f, int32_t i, const char *path, int64_t bytes,
                              mmoe_error *err) {
    if ((uint64_t)bytes == f->shards.items[i].bytes) return MMOE_OK;
    return mmoe_fail_format(err, path, "the shard has %lld bytes, and %" PRIu64 " were written",
                            (long long)bytes, f->shards.items[i].bytes);
}

static mmoe_status open_shard(mmoe_shard_files *f, const char *target, int32_t i, mmoe_error *err) {
    char path[MMOE_SHARD_PATH];
    struct stat info;
    mmoe_shard_path(target, f->shards.save, i, path);
    if (stat(path, &info))
        return mmoe_fail_system(err, path, "cannot open this shard of the checkpoint");
    mmoe_status status = mmoe_container_open_header(path, f->alloc, &f->files[i], err);
    if (!status) status = check_itself(f, i, err);
    /* Of one that is cut its size says more than its header. */
    if (status && status != MMOE_E_FORMAT) return status;
    const mmoe_status of_size = check_size(f, i, path, info.st_size, status ? NULL : err);
    if (status && of_size && !f->files[i]) return check_size(f, i, path, info.st_size, err);
    return status ? status : of_size;
}

mmoe_status mmoe_shard_files_open(mmoe_shard_files *f, const mmoe_container *checkpoint,
                                  const char *path, const mmoe_allocator *alloc, mmoe_error *err) {
    const char *text = mmoe_container_metadata(checkpoint, MMOE_CHECKPOINT_SHARDS),
               *version = mmoe_container_metadata(checkpoint, "format_version");
    char target[PATH_MAX];
    *f = (mmoe_shard_files){.alloc = alloc, .path = path};
    if (!version || *version < *MMOE_CHECKPOINT_SHARDED) return MMOE_OK;
    if (!text || !mmoe_shards_read_text(text, &f->shards)) {
        f->shards.count = 0;
        return mmoe_fail_format(err, path, "what the checkpoint says of its shards cannot be read");
    }
    if (!mmoe_atomic_file_target(path, target)) return mmoe_fail_system(err, path, "cannot open");
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; i < f->shards.count && !status; i++) status = open_shard(f, target, i, err);
    return status;
}

void mmoe_shard_files_close(mmoe_shard_files *f) {
    for (int32_t i = 0; i < f->shards.count; i++) mmoe_container_close(f->files[i]);
}

bool mmoe_shard_files_have(const mmoe_shard_files *f, const mmoe_run_part *p) {
    return f->shards.count > 0 && p->dealt.size > 0 && mmoe_container_find(f->files[0], p->name);
}

mmoe_status mmoe_shard_files_find(mmoe_shard_files *f, const mmoe_run_part *p,
                                  mmoe_stretch out[MMOE_TABLE_PARTS], mmoe_error *err) {
    const int64_t width = p->count / p->dealt.rows;
    mmoe_deal deal = {.shift = mmoe_shard_files_rows(f, NULL).shift};
    for (int32_t i = 0; i < f->shards.count; i++) {
        const mmoe_container_tensor *x = mmoe_container_find(f->files[i], p->name);
        deal.owner = i;
        if (!x || x->dtype != p->dtype || x->rank != 1 ||
            x->shape[0] != mmoe_deal_count(deal, p->dealt.rows) * width)
            return mmoe_fail_at(err, MMOE_E_FORMAT, mmoe_container_name(f->files[i]), 0, NULL,
                                "\"%.120s\" of the shard has not the size of this model", p->name);
        out[i] = mmoe_container_stretch(f->files[i], x);
        if (mmoe_deals_meet(p->dealt.deal, deal)) f->needed |= (uint32_t)1 << i;
    }
    return MMOE_OK;
}

/* ---- Checksums ---- */

mmoe_status mmoe_shard_files_check(const mmoe_shard_files *f, mmoe_pool *pool, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; i < f->shards.count && !status; i++) {
        uint64_t sum;
        if (!(f->needed >> i & 1)) continue;
        status = mmoe_pieces_sum(f->files[i], pool, f->alloc, &sum, err);
        if (!status && sum != f->shards.items[i].sum)
            status = mmoe_fail_at(err, MMOE_E_FORMAT, mmoe_container_name(f->files[i]), 0, NULL,
                                  "the shard's bytes are not those that were written with %.200s "
                                  "(checksum)",
                                  f->path);
    }
    return status ? status : mmoe_shard_files_unchanged(f, err);
}

mmoe_status mmoe_shard_files_unchanged(const mmoe_shard_files *f, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; i < f->shards.count && !status; i++)
        if (f->needed >> i & 1) status = mmoe_container_check_unchanged(f->files[i], err);
    return status;
}
