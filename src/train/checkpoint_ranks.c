/* A checkpoint of several ranks is that of one: the first writes, and what others alone have, the
 * moments of their portions, comes to it in windows. */
#include "base/error.h"
#include "train/checkpoint_parts.h"

/* Which of a run's blocks a part has the moments of. */
static int32_t block_of(const mmoe_trainer *t, const mmoe_run_parts *l, size_t index) {
    const mmoe_optimizer *o = &t->optimizer;
    size_t at = l->moments;
    for (int second = 0; second < 2; second++)
        for (int32_t i = 0; i < o->n_block; i++)
            if (second ? o->blocks[i].v : o->blocks[i].m)
                if (at++ == index) return i;
    return -1;
}

/* Bytes of the window [at, end) of a block's moments that rank r has, and where they are of it. */
static uint64_t bytes_of(const mmoe_trainer *t, int32_t block, int r, size_t at, size_t end,
                         uint64_t *in_window) {
    const mmoe_optimizer_block *b = &t->optimizer.blocks[block];
    const int64_t *from = t->ranks->peers.portions.from;
    const mmoe_value_range own =
        mmoe_optimizer_range(b, t->ranks->dense.blocks[block].place, from[r], from[r + 1]);
    const size_t first = (size_t)mmoe_optimizer_moments(b, own.first) * sizeof(float),
                 behind = first + (size_t)mmoe_optimizer_moments(b, own.count) * sizeof(float),
                 low = first > at ? first : at, high = behind < end ? behind : end;
    *in_window = low - at;
    return low < high ? high - low : 0;
}

mmoe_status mmoe_moments_gather(const mmoe_trainer *t, const mmoe_run_parts *l, size_t index,
                                size_t at, char *window, mmoe_error *err) {
    mmoe_comm *c = t->ranks->comm;
    const mmoe_dealt_rows *rows = &l->items[index].dealt;
    const size_t all = (size_t)l->items[index].count * sizeof(float),
                 end = all - at < MMOE_DEALT_WINDOW ? all : at + MMOE_DEALT_WINDOW;
    const mmoe_dealing by = mmoe_trainer_dealing(t);
    if (mmoe_run_part_is_dealt(&l->items[index]))
        return mmoe_dealt_rows_gather(&by, rows, at, end, window, err);
    const int32_t block = block_of(t, l, index);
    uint64_t from_at[MMOE_MOST_RANKS] = {0}, from_bytes[MMOE_MOST_RANKS] = {0};
    uint64_t to_at[MMOE_MOST_RANKS] = {0}, to_bytes[MMOE_MOST_RANKS] = {0};
    for (int r = 0; r < c->size; r++) {
        const uint64_t bytes = bytes_of(t, block, r, at, end, &to_at[r]);
        if (c->rank == 0) to_bytes[r] = bytes;
        if (c->rank == r) from_bytes[0] = bytes;
        if (c->rank == r && bytes)
            from_at[0] = at + to_at[r] - (uint64_t)l->items[index].first * sizeof(float);
    }
    const mmoe_exchange e = {"moments for the checkpoint",
                             l->stretches[index].data,
                             from_at,
                             from_bytes,
                             window,
                             to_at,
                             to_bytes};
    return mmoe_comm_exchange(c, &e, err);
}

mmoe_status mmoe_moments_send(mmoe_trainer *t, const mmoe_run_parts *l, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; i < l->count && !status; i++)
        for (size_t at = 0; mmoe_run_part_is_of_ranks(l, i) && !status &&
                            at < (size_t)l->items[i].count * sizeof(float);
             at += MMOE_DEALT_WINDOW)
            status = mmoe_moments_gather(t, l, i, at, NULL, err);
    return status;
}
