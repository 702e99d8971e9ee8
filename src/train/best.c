#include "train/best.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/unnamed_file.h"

/* ---- Life ---- */

static mmoe_status place_block(mmoe_best *b, int32_t index, mmoe_error *err) {
    const mmoe_params_block *block = &b->model->blocks[index];
    mmoe_stretch *s = &b->blocks[index];
    *s = (mmoe_stretch){.file = -1, .bytes = mmoe_block_bytes(&block->memory)};
    if (block->is_frozen) {
        s->data = block->memory.data;
    } else if (b->folder && s->bytes >= MMOE_BEST_LEAST) {
        s->place = (int64_t)b->in_file;
        b->in_file += s->bytes;
    } else {
        s->data = mmoe_alloc_aligned_zero(&b->alloc, s->bytes, 1);
        if (!s->data) return mmoe_fail_memory(err, s->bytes);
        b->in_memory += s->bytes;
        b->room[index] = s->bytes;
    }
    return MMOE_OK;
}

mmoe_status mmoe_best_init(mmoe_best *b, const mmoe_params *model, const char *folder,
                           const mmoe_allocator *alloc, mmoe_error *err) {
    const size_t room = 2 * (size_t)model->n_block;
    *b = (mmoe_best){.alloc = *alloc, .model = model, .file = -1};
    b->blocks = mmoe_alloc_zero(alloc, room, sizeof *b->blocks);
    b->room = mmoe_alloc_zero(alloc, (size_t)model->n_block, sizeof *b->room);
    if (folder) b->folder = mmoe_copy_text(alloc, folder, strlen(folder));
    mmoe_status status = MMOE_OK;
    if (!b->blocks || !b->room || (folder && !b->folder))
        status = mmoe_fail_memory(err, room * sizeof *b->blocks);
    else
        b->others = b->blocks + model->n_block;
    for (int32_t i = 0; i < model->n_block && !status; i++) status = place_block(b, i, err);
    if (status) mmoe_best_finish(b);
    return status;
}

void mmoe_best_finish(mmoe_best *b) {
    for (int32_t i = 0; b->blocks && i < b->model->n_block; i++)
        if (!b->model->blocks[i].is_frozen) mmoe_release_aligned(&b->alloc, b->blocks[i].data);
    if (b->blocks && b->file >= 0) close(b->file);
    mmoe_release(&b->alloc, b->blocks);
    mmoe_release(&b->alloc, b->room);
    mmoe_release(&b->alloc, b->folder);
    *b = (mmoe_best){.file = -1};
}

size_t mmoe_best_memory(const mmoe_best *b, int32_t block) {
    const bool is_own = b->blocks[block].data && !b->model->blocks[block].is_frozen;
    return is_own ? b->blocks[block].bytes : 0;
}

/* ---- Other sizes ---- */

mmoe_status mmoe_best_reserve(mmoe_best *b, int32_t block, size_t bytes, mmoe_error *err) {
    mmoe_stretch *s = &b->blocks[block];
    const size_t have = b->room[block], room = bytes > have + have / 2 ? bytes : have + have / 2;
    if (!have || bytes <= have) return MMOE_OK; /* those of a file have room there */
    char *data = b->is_used ? mmoe_widen_aligned_zero(&b->alloc, s->data, s->bytes, room, 1)
                            : mmoe_alloc_aligned_zero(&b->alloc, room, 1);
    if (!data) return mmoe_fail_memory(err, room);
    if (!b->is_used) mmoe_release_aligned(&b->alloc, s->data);
    s->data = data;
    b->room[block] = room;
    return MMOE_OK;
}

void mmoe_best_restart(mmoe_best *b) {
    if (b->file >= 0) close(b->file);
    b->file = -1;
    b->in_file = b->in_memory = 0;
    for (int32_t i = 0; i < b->model->n_block; i++) {
        const mmoe_params_block *block = &b->model->blocks[i];
        mmoe_stretch *s = &b->blocks[i];
        if (b->is_used && b->room[i]) memset(s->data, 0, b->room[i]);
        s->file = -1;
        s->bytes = mmoe_block_bytes(&block->memory);
        if (block->is_frozen) continue;
        if (s->data) {
            b->in_memory += s->bytes;
        } else {
            s->place = (int64_t)b->in_file;
            b->in_file += s->bytes;
        }
    }
    b->is_used = false;
}

/* ---- The file ---- */

mmoe_status mmoe_best_failed(const mmoe_best *b, bool to_keep, mmoe_error *err) {
    char text[128];
    snprintf(text, sizeof text, "cannot %s the best weights (%zu MB) in a temporary file there",
             to_keep ? "keep" : "find", b->in_file / 1000000);
    return mmoe_fail_system(err, b->folder, text);
}

/* All of [at, at + bytes); where signals come too often for that (tmpfs before Linux 6.12 gives up
 * at each, and what it had so far), in parts that are done between two of them. */
static int reserve(int file, off_t at, off_t bytes) {
    enum { LEAST = 1 << 16 };
    off_t part = bytes;
    int reason = 0;
    while (bytes > 0 && (!reason || reason == EINTR)) {
        reason = posix_fallocate(file, at, part < bytes ? part : bytes);
        if (reason == EINTR && part > LEAST) part /= 2;
        if (reason) continue;
        at += part;
        bytes -= part;
    }
    return reason;
}

/* Not every file system can reserve; one that cannot may know yet that it has no files so large. */
static bool take_room(int file, size_t bytes) {
    errno = reserve(file, 0, (off_t)bytes);
    if (errno == EOPNOTSUPP || errno == EINVAL) return ftruncate(file, (off_t)bytes) == 0;
    return errno == 0;
}

mmoe_status mmoe_best_open(mmoe_best *b, mmoe_error *err) {
    if (!b->in_file || b->file >= 0) return MMOE_OK;
    const int file = mmoe_unnamed_file_open(b->folder);
    if (file < 0 || !take_room(file, b->in_file)) {
        const mmoe_status status = mmoe_best_failed(b, true, err);
        if (file >= 0) close(file);
        return status;
    }
    b->file = file;
    for (int32_t i = 0; i < b->model->n_block; i++) b->blocks[i].file = file;
    return MMOE_OK;
}

/* ---- Copies ---- */

/* Between the blocks and the parameters' own, but for what does not learn. */
static mmoe_status copy(mmoe_best *b, const mmoe_params *p, bool to, mmoe_pool *pool) {
    const int32_t count = b->model->n_block;
    for (int32_t i = 0; i < count; i++) {
        b->others[i] = b->blocks[i];
        if (!b->model->blocks[i].is_frozen) b->others[i].data = p->blocks[i].memory.data;
    }
    const mmoe_stretch_work work = {.from = to ? b->blocks : b->others,
                                    .to = to ? b->others : b->blocks,
                                    .count = (size_t)count};
    return mmoe_stretches_run(&work, pool, &b->alloc);
}

mmoe_status mmoe_best_keep(mmoe_best *b, const mmoe_params *from, mmoe_pool *pool,
                           mmoe_error *err) {
    const mmoe_status status = mmoe_best_open(b, err);
    if (status) return status;
    if (!mmoe_params_settle(from))
        return mmoe_fail(err, MMOE_E_IO, "the best weights are not kept: a rank has failed");
    b->is_used = true;
    return copy(b, from, false, pool) ? mmoe_best_failed(b, true, err) : MMOE_OK;
}

mmoe_status mmoe_best_restore(mmoe_best *b, mmoe_params *model, mmoe_pool *pool, mmoe_error *err) {
    mmoe_params_settle(model); /* old rows of a failed rank are written over, too */
    return copy(b, model, true, pool) ? mmoe_best_failed(b, false, err) : MMOE_OK;
}
