/* Where a run stands, number by number, as a checkpoint has it. */
#ifndef MMOE_TRAIN_CHECKPOINT_PLACE_H
#define MMOE_TRAIN_CHECKPOINT_PLACE_H

#include "train/trainer.h"

typedef struct mmoe_run_place {
    uint64_t steps;
    mmoe_progress_state at;
    mmoe_schedule schedule;
    int32_t has_fitted;  /* it stands behind a fit, and the next one begins a run of its own */
    int32_t knows_lists; /* mmoe_trainer.list_elements mean anything */
} mmoe_run_place;

typedef enum mmoe_field_type {
    MMOE_FIELD_INT32,
    MMOE_FIELD_INT64,
    MMOE_FIELD_UINT64,
    MMOE_FIELD_REAL
} mmoe_field_type;

/* One number of the run's place: this table writes, reads and checks it. */
typedef struct mmoe_place_field {
    const char *name;
    mmoe_field_type type;
    void *at;
    int32_t of_2; /* its index among version 2's integers or reals, or one of the below */
    double low, high;
    const int32_t *most; /* another bound, of a field further up; NULL: none */
} mmoe_place_field;

enum { MMOE_PLACE_FIELDS = 18 };

enum { MMOE_NOT_OF_2 = -1, MMOE_NOT_OF_3 = -2 }; /* these versions, and older ones, had it not */

typedef union mmoe_place_cell {
    int64_t integer;
    double real;
} mmoe_place_cell;

/* `n_epoch`: the most epochs that there can be behind the run. */
void mmoe_place_fields(int32_t n_epoch, mmoe_run_place *p, mmoe_place_field out[MMOE_PLACE_FIELDS]);
mmoe_place_cell mmoe_place_value(const mmoe_place_field *f);
/* False: the field may not have this value. */
bool mmoe_place_set(const mmoe_place_field *f, mmoe_place_cell value);

#endif
