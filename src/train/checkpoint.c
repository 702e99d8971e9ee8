/* A checkpoint is a safetensors file of a run's blocks, whole: parameters, moments, best
 * parameters, and where it stands. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/checksum.h"
#include "file/container.h"
#include "train/trainer.h"

enum { N_NUMBER = 10, N_REAL = 4, MOST_PARTS = 16 };
#define VERSION "2"
#define FORMAT "mmoe-checkpoint"

/* One block of the run: the same list writes and reads. */
typedef struct part {
    const char *name;
    mmoe_dtype dtype;
    int64_t count;
    void *data;
} part;

static size_t size_of(mmoe_dtype dtype) { return dtype == MMOE_F32 ? 4 : 8; }

static size_t list_parts(const mmoe_trainer *t, int64_t *numbers, double *reals, part *out) {
    const mmoe_params *now = &t->model->params, *best = &t->best;
    const int64_t tasks = t->model->schema->n_label;
    part parts[] = {
        {"progress.integers", MMOE_I64, N_NUMBER, numbers},
        {"progress.reals", MMOE_F64, N_REAL, reals},
        {"epoch.loss_sum", MMOE_F64, tasks, t->loss_sum},
        {"epoch.weight_sum", MMOE_F64, tasks, t->weight_sum},
        {"now.counters", MMOE_I64, now->n_counter, now->counters},
        {"best.counters", MMOE_I64, best->n_counter, best->counters},
        {"now.values", MMOE_F32, now->n_value, now->values},
        {"now.states", MMOE_F32, now->n_state, now->states},
        {"best.values", MMOE_F32, best->n_value, best->values},
        {"best.states", MMOE_F32, best->n_state, best->states},
        {"balance.state", MMOE_F64, t->balancer.balance.n_state, t->balancer.balance.state},
        {"optimizer.m", MMOE_F32, now->n_value, t->optimizer.m},
        {"optimizer.v", MMOE_F32, now->n_value, t->optimizer.v},
        {"average.values", MMOE_F32, now->n_value, t->average.values},
    };
    size_t count = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].data) out[count++] = parts[i];
    return count;
}

static uint64_t checksum_of(const mmoe_container_tensor *tensors, size_t count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += mmoe_checksum_part(tensors[i].name, tensors[i].data, tensors[i].bytes);
    return sum;
}

static void print_hex(uint64_t x, char out[17]) {
    for (int i = 15; i >= 0; i--, x >>= 4) out[i] = "0123456789abcdef"[x & 15];
    out[16] = '\0';
}

mmoe_status mmoe_checkpoint_write(const mmoe_trainer *t, const char *path, mmoe_error *err) {
    const mmoe_progress_state *at = &t->at;
    int64_t numbers[N_NUMBER] = {(int64_t)t->optimizer.steps,
                                 at->epoch,
                                 at->row,
                                 at->waited,
                                 at->has_best,
                                 at->finished,
                                 (int64_t)at->data_hash,
                                 t->model->params.n_value,
                                 t->schedule.has_best,
                                 t->schedule.waited};
    double reals[N_REAL] = {at->best_score, at->seconds, t->schedule.rate, t->schedule.best};
    part parts[MOST_PARTS];
    mmoe_container_tensor tensors[MOST_PARTS];
    size_t count = list_parts(t, numbers, reals, parts);
    for (size_t i = 0; i < count; i++)
        tensors[i] = (mmoe_container_tensor){
            parts[i].name,    parts[i].dtype, 1,
            {parts[i].count}, parts[i].data,  (size_t)parts[i].count * size_of(parts[i].dtype)};
    char sum[17];
    print_hex(checksum_of(tensors, count), sum);
    char *config;
    mmoe_status status = mmoe_config_text(t->model->config, &config, err);
    if (status) return status;
    const char *const metadata[] = {
        "format", FORMAT,   "format_version", VERSION, "mmoe_version", mmoe_version(), "checksum",
        sum,      "config", config,           NULL};
    status = mmoe_container_write(path, tensors, count, metadata, &t->alloc, err);
    mmoe_config_text_free(t->model->config, config);
    return status;
}

static mmoe_status check_header(const mmoe_trainer *t, const mmoe_container *c, const char *path,
                                mmoe_error *err) {
    const char *format = mmoe_container_metadata(c, "format"),
               *version = mmoe_container_metadata(c, "format_version");
    const char *written = mmoe_container_metadata(c, "config");
    if (!format || strcmp(format, FORMAT) != 0 || !version || !written)
        return mmoe_fail_at(err, MMOE_E_FORMAT, path, 0, NULL, "this is no checkpoint of mmoe");
    if (strcmp(version, VERSION) != 0)
        return mmoe_fail_at(err, MMOE_E_VERSION, path, 0, NULL,
                            "the checkpoint has format version %s; this library reads " VERSION,
                            version);
    char *config;
    mmoe_status status = mmoe_config_text(t->model->config, &config, err);
    if (status) return status;
    if (strcmp(config, written) != 0)
        status = mmoe_fail_at(err, MMOE_E_ARGUMENT, path, 0, NULL,
                              "the checkpoint was written with another configuration");
    mmoe_config_text_free(t->model->config, config);
    return status;
}

/* Everything is checked before the first byte of the trainer changes. */
static mmoe_status check_parts(const mmoe_container *c, const part *parts, size_t count,
                               const char *path, mmoe_error *err) {
    mmoe_container_tensor tensors[MOST_PARTS];
    for (size_t i = 0; i < count; i++) {
        const mmoe_container_tensor *x = mmoe_container_find(c, parts[i].name);
        if (!x)
            return mmoe_fail_at(err, MMOE_E_FORMAT, path, 0, NULL, "the checkpoint lacks \"%s\"",
                                parts[i].name);
        if (x->dtype != parts[i].dtype || x->rank != 1 || x->shape[0] != parts[i].count)
            return mmoe_fail_at(err, MMOE_E_FORMAT, path, 0, NULL,
                                "\"%s\" of the checkpoint has not the size of this model and data",
                                parts[i].name);
        tensors[i] = *x;
    }
    char sum[17];
    print_hex(checksum_of(tensors, count), sum);
    const char *written = mmoe_container_metadata(c, "checksum");
    if (!written || strcmp(sum, written) != 0)
        return mmoe_fail_at(err, MMOE_E_FORMAT, path, 0, NULL,
                            "the checkpoint's bytes are not those that were written (checksum)");
    return MMOE_OK;
}

static mmoe_status check_numbers(const mmoe_trainer *t, const int64_t *n, const char *path,
                                 mmoe_error *err) {
    bool ok = n[0] >= 0 && n[1] >= 0 && n[1] <= t->model->config->trainer.n_epoch && n[2] >= 0 &&
              n[3] >= 0 && n[3] <= n[1] && n[4] >> 1 == 0 && n[5] >> 1 == 0 &&
              n[7] == t->model->params.n_value && n[8] >> 1 == 0 && n[9] >= 0 && n[9] <= n[1];
    return ok ? MMOE_OK
              : mmoe_fail_at(err, MMOE_E_FORMAT, path, 0, NULL,
                             "the checkpoint's progress is impossible");
}

static mmoe_status read_parts(mmoe_trainer *t, const mmoe_container *c, const char *path,
                              mmoe_error *err) {
    int64_t numbers[N_NUMBER];
    double reals[N_REAL];
    part parts[MOST_PARTS];
    size_t count = list_parts(t, numbers, reals, parts);
    mmoe_status status = check_parts(c, parts, count, path, err);
    if (!status)
        status = check_numbers(t, mmoe_container_find(c, "progress.integers")->data, path, err);
    if (status) return status;
    for (size_t i = 0; i < count; i++)
        if (parts[i].count)
            memcpy(parts[i].data, mmoe_container_find(c, parts[i].name)->data,
                   (size_t)parts[i].count * size_of(parts[i].dtype));
    t->optimizer.steps = (uint64_t)numbers[0];
    t->at = (mmoe_progress_state){.epoch = (int32_t)numbers[1],
                                  .row = numbers[2],
                                  .waited = (int32_t)numbers[3],
                                  .has_best = (int32_t)numbers[4],
                                  .finished = (int32_t)numbers[5],
                                  .data_hash = (uint64_t)numbers[6],
                                  .best_score = reals[0],
                                  .seconds = reals[1]};
    t->schedule = (mmoe_schedule){.rate = reals[2],
                                  .best = reals[3],
                                  .has_best = (int32_t)numbers[8],
                                  .waited = (int32_t)numbers[9]};
    return MMOE_OK;
}

mmoe_status mmoe_checkpoint_read(mmoe_trainer *t, const char *path, mmoe_error *err) {
    mmoe_container *c;
    mmoe_status status = mmoe_container_open(path, &t->alloc, &c, err);
    if (status) return status;
    status = check_header(t, c, path, err);
    if (!status) status = read_parts(t, c, path, err);
    mmoe_container_close(c);
    return status;
}
