/* The learning rate: by the epoch PyTorch's StepLR, ExponentialLR, CosineAnnealingLR or
 * ReduceLROnPlateau, and by the step a linear warm-up on top of it. */
#ifndef MMOE_TRAIN_SCHEDULE_H
#define MMOE_TRAIN_SCHEDULE_H

#include <stdbool.h>

#include "config/config.h"

/* What it begins with, and what a plateau remembers of earlier epochs; all else follows from epoch
 * and step. A checkpoint keeps it. */
typedef struct mmoe_schedule {
    double lr;   /* that it begins with */
    double rate; /* without warm-up */
    double best;
    int32_t has_best;
    int32_t waited; /* epochs since `best`, or since the rate last fell */
} mmoe_schedule;

void mmoe_schedule_init(mmoe_schedule *s, const mmoe_trainer_config *config);
/* Another rate in the place of the configuration's; a plateau goes on from it. */
void mmoe_schedule_set(mmoe_schedule *s, double lr);
/* The rate of `step`, counted from 1, in `epoch`, counted from 0. */
double mmoe_schedule_rate(const mmoe_schedule *s, const mmoe_trainer_config *config, int32_t epoch,
                          uint64_t step);
/* An epoch ended with this score; NaN, undefined, counts neither as better nor as a wait. */
void mmoe_schedule_watch(mmoe_schedule *s, const mmoe_trainer_config *config, double score,
                         bool larger_is_better);

#endif
