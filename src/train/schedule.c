#include "train/schedule.h"

#include <math.h>

#define PI 3.14159265358979323846

/* ReduceLROnPlateau's defaults: a score is better by this part of it, a rate falls by at least
 * this. */
static const double threshold = 1e-4, least_fall = 1e-8;

void mmoe_schedule_init(mmoe_schedule *s, const mmoe_trainer_config *c) {
    *s = (mmoe_schedule){0};
    mmoe_schedule_set(s, (double)c->optimizer.lr);
}

void mmoe_schedule_set(mmoe_schedule *s, double lr) { s->lr = s->rate = lr; }

static double epoch_rate(const mmoe_schedule *s, const mmoe_trainer_config *c, int32_t epoch) {
    const double lr = s->lr, gamma = (double)c->gamma, min_lr = (double)c->min_lr;
    switch (c->scheduler) {
    case MMOE_SCHEDULER_NONE:
        break;
    case MMOE_SCHEDULER_STEP:
        return lr * pow(gamma, epoch / c->step_size);
    case MMOE_SCHEDULER_EXPONENTIAL:
        return lr * pow(gamma, epoch);
    case MMOE_SCHEDULER_COSINE:
        return min_lr + (lr - min_lr) * (1 + cos(PI * epoch / (double)c->t_max)) / 2;
    case MMOE_SCHEDULER_PLATEAU:
        return s->rate;
    }
    return lr;
}

double mmoe_schedule_rate(const mmoe_schedule *s, const mmoe_trainer_config *c, int32_t epoch,
                          uint64_t step) {
    const double rate = epoch_rate(s, c, epoch);
    return step < (uint64_t)c->warmup_steps ? rate * (double)step / c->warmup_steps : rate;
}

void mmoe_schedule_watch(mmoe_schedule *s, const mmoe_trainer_config *c, double score,
                         bool larger_is_better) {
    if (c->scheduler != MMOE_SCHEDULER_PLATEAU || isnan(score)) return;
    if (!s->has_best || (larger_is_better ? score > s->best * (1 + threshold)
                                          : score < s->best * (1 - threshold))) {
        s->has_best = 1;
        s->best = score;
        s->waited = 0;
        return;
    }
    if (++s->waited <= c->patience) return;
    const double rate = fmax(s->rate * (double)c->factor, (double)c->min_lr);
    if (s->rate - rate > least_fall) s->rate = rate;
    s->waited = 0;
}
