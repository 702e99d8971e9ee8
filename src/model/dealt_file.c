/* The file of a model whose tables are dealt to ranks: their rows come to the first rank in
 * windows, and go to the file from there, with the checksum behind all. */

#include "base/checksum.h"
#include "base/error.h"
#include "base/file_at.h"
#include "base/watcher.h"
#include "model/model_file.h"

enum { WINDOW = MMOE_COLLECTED };

/* A file that is written. */
typedef struct writing {
    const mmoe_model *model;
    const char *path;
    char *window; /* [WINDOW] */
    uint64_t sum;
    size_t done, end; /* bytes */
} writing;

static size_t window_at(size_t at, size_t bytes) {
    return bytes - at < WINDOW ? bytes - at : WINDOW;
}

/* A tensor's bytes, where they stand or come to. */
static mmoe_status write_tensor(writing *w, const mmoe_container_tensor *x, int32_t table,
                                const mmoe_stretch *place, mmoe_error *err) {
    const mmoe_collector *ranks = &w->model->params.collector;
    mmoe_checksum sum = mmoe_checksum_begin(x->name);
    mmoe_status status = MMOE_OK;
    for (size_t at = 0, n; at < x->bytes && !status; at += n) {
        const char *from = x->data ? (const char *)x->data + at : w->window;
        n = window_at(at, x->bytes);
        if (!x->data) status = ranks->collect(ranks->context, table, at, at + n, w->window, err);
        if (status) break;
        mmoe_checksum_add(&sum, from, n);
        if (!mmoe_write_at(place->file, from, n, place->place + (int64_t)at))
            status = mmoe_fail_system(err, w->path, "cannot write");
        w->done += n;
        mmoe_tell_written(mmoe_model_watcher(w->model), w->done, w->end);
    }
    w->sum += mmoe_checksum_end(&sum);
    return status;
}

static mmoe_status write_tensors(writing *w, const mmoe_container_contents *what,
                                 const mmoe_stretch *places, mmoe_error *err) {
    const mmoe_tensors *tensors = &w->model->graph->tensors;
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; i < what->count; i++) w->end += what->tensors[i].bytes;
    for (size_t i = 0; i < what->count && !status; i++) {
        const mmoe_container_tensor *x = &what->tensors[i];
        const int32_t table = x->data ? -1 : mmoe_tensors_find(tensors, x->name)->table;
        status = write_tensor(w, x, table, &places[i], err);
    }
    return status;
}

mmoe_status mmoe_dealt_file_write(const mmoe_model *model, const char *path,
                                  const mmoe_container_contents *what, const char *const *values,
                                  char *checksum, mmoe_error *err) {
    const mmoe_allocator *a = &model->alloc;
    mmoe_container_writer *file;
    mmoe_status status = mmoe_container_begin(path, what, a, &file, err);
    if (status) return status;
    writing w = {model, path, mmoe_alloc(a, 1, WINDOW), mmoe_file_checksum(NULL, 0, values), 0, 0};
    mmoe_stretch *places = mmoe_alloc(a, what->count, sizeof *places);
    if (!w.window || !places) {
        status = mmoe_fail_memory(err, WINDOW);
    } else {
        mmoe_container_places(file, places);
        status = write_tensors(&w, what, places, err);
    }
    mmoe_checksum_print(w.sum, checksum);
    mmoe_release(a, w.window);
    mmoe_release(a, places);
    return mmoe_container_end(file, status, err);
}

mmoe_status mmoe_dealt_file_send(const mmoe_model *model, mmoe_error *err) {
    const mmoe_collector *ranks = &model->params.collector;
    const mmoe_tensors *tensors = &model->graph->tensors;
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; i < tensors->count && !status; i++) {
        const mmoe_tensor *t = &tensors->items[i];
        const size_t bytes = (size_t)t->count * sizeof(float);
        for (size_t at = 0, n; t->deal.shift && at < bytes && !status; at += n) {
            n = window_at(at, bytes);
            status = ranks->collect(ranks->context, t->table, at, at + n, NULL, err);
        }
    }
    return status;
}
