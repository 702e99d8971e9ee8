/* Shards that are written, and those that no checkpoint names any more. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "train/shards.h"

/* ---- Those that are there ---- */

/* The save that a file beside a checkpoint is a shard of, by its name; 0: it is none. `base`: the
 * checkpoint's name. */
static uint64_t save_of(const char *name, const char *base) {
    static const char infix[] = ".rows-";
    const size_t length = strlen(base), before = length + strlen(infix);
    if (strncmp(name, base, length) != 0 || strncmp(name + length, infix, strlen(infix)) != 0)
        return 0;
    const char *save = name + before, *dash = save + strspn(save, "0123456789");
    if (dash == save || dash - save > 19 || *dash != '-') return 0;
    const size_t digits = strspn(dash + 1, "0123456789");
    return digits >= 1 && digits <= 2 && !dash[1 + digits] ? strtoull(save, NULL, 10) : 0;
}

/* Does a file of a shard's name say that it is one, of this save? */
static bool is_shard(const char *path, uint64_t save, const mmoe_allocator *alloc) {
    mmoe_container *c;
    uint64_t says = 0;
    if (mmoe_container_open_header(path, alloc, &c, NULL)) return false;
    const char *format = mmoe_container_metadata(c, "format"),
               *shard = mmoe_container_metadata(c, "shard");
    const bool is_one = format && strcmp(format, MMOE_SHARD_FORMAT) == 0 && shard &&
                        sscanf(shard, "%*d of %*d of save %" SCNu64, &says) == 1;
    mmoe_container_close(c);
    return is_one && says == save;
}

/* The last save that has any, at least `kept`; with `alloc`, removes those of others than `kept`.
 */
static uint64_t walk(const char *target, uint64_t kept, const mmoe_allocator *alloc) {
    const char *slash = strrchr(target, '/'), *base = slash ? slash + 1 : target;
    char folder[PATH_MAX] = ".", path[PATH_MAX + NAME_MAX];
    uint64_t most = kept;
    if (slash) snprintf(folder, sizeof folder, "%.*s", (int)(slash + 1 - target), target);
    DIR *d = opendir(folder);
    if (!d) return most;
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        const uint64_t save = save_of(e->d_name, base);
        if (!save || save == kept) continue;
        if (save > most) most = save;
        snprintf(path, sizeof path, "%s%s", slash ? folder : "", e->d_name);
        if (alloc && is_shard(path, save, alloc)) unlink(path);
    }
    closedir(d);
    return most;
}

/* The save whose shards a checkpoint names, 0: none. False: there is one that cannot be read. */
static bool find_kept(const char *target, const mmoe_allocator *alloc, uint64_t *save) {
    mmoe_container *c;
    struct stat info;
    mmoe_shards shards = {0};
    *save = 0;
    if (lstat(target, &info)) return errno == ENOENT;
    const mmoe_status status = mmoe_container_open_header(target, alloc, &c, NULL);
    if (status) return status == MMOE_E_FORMAT; /* whatever it is, it names none */
    const char *text = mmoe_container_metadata(c, MMOE_CHECKPOINT_SHARDS);
    const bool is_well = !text || mmoe_shards_read_text(text, &shards);
    mmoe_container_close(c);
    *save = shards.save;
    return is_well;
}

void mmoe_shards_keep(const char *path, uint64_t save, const mmoe_allocator *alloc) {
    char target[PATH_MAX];
    if (mmoe_atomic_file_target(path, target)) walk(target, save, alloc);
}

void mmoe_shards_tidy(const char *path, const mmoe_allocator *alloc) {
    char target[PATH_MAX];
    uint64_t kept;
    if (mmoe_atomic_file_target(path, target) && find_kept(target, alloc, &kept))
        walk(target, kept, alloc);
}

/* A number that no file beside the checkpoint has, be it one that cannot be read just now. */
static uint64_t next_save(const char *target, const mmoe_allocator *alloc) {
    uint64_t kept;
    const bool is_known = find_kept(target, alloc, &kept);
    return 1 + walk(target, kept, is_known ? alloc : NULL);
}

/* ---- Writing ---- */

typedef struct shard_writing {
    const mmoe_trainer *t;
    mmoe_run_parts *rows;
    const char *path, *target; /* of the shard, and of the checkpoint */
    mmoe_shards *shards;
    mmoe_container_tensor *tensors;
} shard_writing;

static mmoe_status copy_rows(const shard_writing *w, mmoe_piece_sums *sums, mmoe_error *err) {
    bool cannot_read = false; /* the one file that rows are of is the best weights' */
    const mmoe_stretch_work work = {.from = w->rows->stretches,
                                    .to = w->rows->in_file,
                                    .count = w->rows->count,
                                    .look = mmoe_piece_sums_add,
                                    .context = sums,
                                    .cannot_read = &cannot_read};
    const mmoe_status status = mmoe_stretches_run(&work, w->t->pool, w->rows->alloc);
    if (status == MMOE_E_MEMORY) return mmoe_fail_memory(err, MMOE_PIECE);
    if (cannot_read) return mmoe_best_failed(&w->t->best, false, err);
    return status ? mmoe_fail_system(err, w->path, "cannot write") : MMOE_OK;
}

/* Who may not read the checkpoint that is there may not read its rows. */
static mmoe_status take_mode(const shard_writing *w, mmoe_error *err) {
    struct stat info;
    if (stat(w->target, &info) || !fchmod(w->rows->in_file->file, info.st_mode & 0777))
        return MMOE_OK;
    return mmoe_fail_system(err, w->path, "cannot write");
}

static mmoe_status write_tensors(const shard_writing *w, int32_t index, mmoe_error *err) {
    const mmoe_run_parts *rows = w->rows;
    char sum[MMOE_CHECKSUM_SIZE], says[MMOE_SHARD_TEXT];
    mmoe_checksum_print(0, sum);
    const char *const metadata[] = {"format",
                                    MMOE_SHARD_FORMAT,
                                    "mmoe_version",
                                    mmoe_version(),
                                    "shard",
                                    mmoe_shard_text(w->shards, index, says),
                                    "checksum",
                                    sum,
                                    NULL};
    const mmoe_container_contents what = {w->tensors, rows->count, metadata};
    mmoe_piece_sums sums = {.tensors = w->tensors};
    mmoe_container_writer *file;
    mmoe_status status = mmoe_container_begin(w->path, &what, rows->alloc, &file, err);
    if (status) return status;
    atomic_init(&sums.sum, 0);
    mmoe_container_places(file, rows->in_file);
    status = take_mode(w, err);
    if (!status) status = copy_rows(w, &sums, err);
    const mmoe_stretch *last = &rows->in_file[rows->count - 1];
    w->shards->items[index].bytes = (uint64_t)last->place + last->bytes;
    w->shards->items[index].sum = atomic_load(&sums.sum);
    mmoe_checksum_print(w->shards->items[index].sum, sum);
    return mmoe_container_end(file, status, err);
}

static mmoe_status write_shard(shard_writing *w, int32_t index, mmoe_error *err) {
    const mmoe_run_parts *rows = w->rows;
    w->tensors = mmoe_alloc_zero(rows->alloc, rows->count, sizeof *w->tensors);
    if (!w->tensors) return mmoe_fail_memory(err, rows->count * sizeof *w->tensors);
    for (size_t i = 0; i < rows->count; i++) {
        const mmoe_run_part *p = &rows->items[i];
        const size_t bytes = rows->stretches[i].bytes;
        w->tensors[i] =
            (mmoe_container_tensor){.name = p->name, .dtype = p->dtype, .rank = 1, .bytes = bytes};
        w->tensors[i].shape[0] = (int64_t)(bytes / mmoe_dtype_size(p->dtype));
    }
    const mmoe_status status = write_tensors(w, index, err);
    mmoe_release(rows->alloc, w->tensors);
    return status;
}

/* Seen from the first rank: another may have written to a disk of its own. */
static mmoe_status check_there(const char *target, const mmoe_shards *s, mmoe_error *err) {
    char path[MMOE_SHARD_PATH];
    for (int32_t i = 0; i < s->count; i++) {
        struct stat info;
        mmoe_shard_path(target, s->save, i, path);
        if (stat(path, &info) == 0 && (uint64_t)info.st_size == s->items[i].bytes) continue;
        return mmoe_fail_at(err, MMOE_E_IO, path, 0, NULL,
                            "rank %d wrote its rows for the checkpoint, and rank 0 does not find "
                            "them: all ranks need the same folder",
                            (int)i);
    }
    return MMOE_OK;
}

/* Whether all have written, as each knows of all, and the first sees the files: it tells. */
static bool are_there(const mmoe_trainer *t, const char *target, const mmoe_shards *s,
                      const int64_t *first_alone, mmoe_error *err) {
    uint64_t are_written = 1;
    for (int32_t i = 0; i < s->count; i++) are_written &= s->items[i].bytes > 0;
    if (are_written && mmoe_ranks_is_first(t->ranks)) are_written = !check_there(target, s, err);
    mmoe_ranks_give(t->ranks, "the end of a save", &are_written, sizeof are_written, first_alone);
    return are_written;
}

mmoe_status mmoe_shards_write(const mmoe_trainer *t, const char *path, mmoe_run_parts *rows,
                              mmoe_shards *out, mmoe_error *err) {
    const mmoe_deal deal = rows->items[0].dealt.deal;
    const int32_t size = t->ranks->peers.size;
    int64_t first_alone[MMOE_MOST_RANKS + 1] = {0}, one_each[MMOE_MOST_RANKS + 1];
    char target[PATH_MAX], own[MMOE_SHARD_PATH];
    shard_writing w = {t, rows, own, target, out, NULL};
    mmoe_error why = {0};
    *out = (mmoe_shards){.count = 1 << deal.shift};
    if (!mmoe_atomic_file_target(path, target)) return mmoe_fail_system(err, path, "cannot write");
    if (mmoe_ranks_is_first(t->ranks)) out->save = next_save(target, rows->alloc);
    for (int32_t r = 0; r <= size; r++) {
        first_alone[r] = r > 0;
        one_each[r] = r < out->count ? r : out->count;
    }
    mmoe_ranks_give(t->ranks, "the number of a save", &out->save, sizeof out->save, first_alone);
    mmoe_status status = mmoe_ranks_status(t->ranks, err);
    if (status) return status;
    mmoe_shard_path(target, out->save, deal.owner, own);
    if (deal.owner >= 0) status = write_shard(&w, deal.owner, &why);
    if (status) out->items[deal.owner].bytes = 0;
    mmoe_ranks_give(t->ranks, "rows for the checkpoint", out->items, sizeof *out->items, one_each);
    const bool are_whole = are_there(t, target, out, first_alone, &why);
    const bool are_lost = mmoe_ranks_status(t->ranks, err) != MMOE_OK;
    if (!are_lost && are_whole) return MMOE_OK;
    /* By each, and by all before the one that failed ends all: no other still writes, and none is
     * told of the end before it is told what to remove. */
    if (!are_lost && deal.owner >= 0) unlink(own);
    mmoe_ranks_meet(t->ranks, "what is removed of a save", NULL);
    if (why.code && err) *err = why;
    return why.code ? why.code : mmoe_ranks_meet(t->ranks, "a save", err);
}
