#include "train/checkpoint_place.h"

#include <math.h>
#include <string.h>

void mmoe_place_fields(int32_t n_epoch, mmoe_run_place *p,
                       mmoe_place_field out[MMOE_PLACE_FIELDS]) {
    const double any = INFINITY, epochs = n_epoch;
    mmoe_progress_state *at = &p->at;
    mmoe_schedule *s = &p->schedule;
    const mmoe_place_field fields[MMOE_PLACE_FIELDS] = {
        {"steps", MMOE_FIELD_UINT64, &p->steps, 0, 0, any, NULL},
        {"epoch", MMOE_FIELD_INT32, &at->epoch, 1, 0, epochs, NULL},
        {"row", MMOE_FIELD_INT64, &at->row, 2, 0, any, NULL},
        {"waited", MMOE_FIELD_INT32, &at->waited, 3, 0, any, &at->epoch},
        {"has_best", MMOE_FIELD_INT32, &at->has_best, 4, 0, 1, NULL},
        {"finished", MMOE_FIELD_INT32, &at->finished, 5, 0, 1, NULL},
        {"data_hash", MMOE_FIELD_UINT64, &at->data_hash, 6, -any, any, NULL},
        {"valid_hash", MMOE_FIELD_UINT64, &at->valid_hash, MMOE_NOT_OF_2, -any, any, NULL},
        {"schema_hash", MMOE_FIELD_UINT64, &at->schema_hash, MMOE_NOT_OF_2, -any, any, NULL},
        {"schedule.has_best", MMOE_FIELD_INT32, &s->has_best, 8, 0, 1, NULL},
        {"schedule.waited", MMOE_FIELD_INT32, &s->waited, 9, 0, any, &at->epoch},
        {"has_fitted", MMOE_FIELD_INT32, &p->has_fitted, MMOE_NOT_OF_3, 0, 1, NULL},
        {"knows_lists", MMOE_FIELD_INT32, &p->knows_lists, MMOE_NOT_OF_3, 0, 1, NULL},
        {"best_score", MMOE_FIELD_REAL, &at->best_score, 0, -any, any, NULL},
        {"seconds", MMOE_FIELD_REAL, &at->seconds, 1, 0, any, NULL},
        {"schedule.rate", MMOE_FIELD_REAL, &s->rate, 2, 0, any, NULL},
        {"schedule.lr", MMOE_FIELD_REAL, &s->lr, MMOE_NOT_OF_3, 0, any, NULL},
        {"schedule.best", MMOE_FIELD_REAL, &s->best, 3, -any, any, NULL},
    };
    memcpy(out, fields, sizeof fields);
}

mmoe_place_cell mmoe_place_value(const mmoe_place_field *f) {
    switch (f->type) {
    case MMOE_FIELD_INT32:
        return (mmoe_place_cell){.integer = *(const int32_t *)f->at};
    case MMOE_FIELD_INT64:
        return (mmoe_place_cell){.integer = *(const int64_t *)f->at};
    case MMOE_FIELD_UINT64:
        return (mmoe_place_cell){.integer = (int64_t) * (const uint64_t *)f->at};
    case MMOE_FIELD_REAL:
        break;
    }
    return (mmoe_place_cell){.real = *(const double *)f->at};
}

bool mmoe_place_set(const mmoe_place_field *f, mmoe_place_cell value) {
    const double x = f->type == MMOE_FIELD_REAL ? value.real : (double)value.integer;
    if (!(x >= f->low && x <= f->high) || (f->most && x > *f->most)) return false;
    switch (f->type) {
    case MMOE_FIELD_INT32:
        *(int32_t *)f->at = (int32_t)value.integer;
        break;
    case MMOE_FIELD_INT64:
        *(int64_t *)f->at = value.integer;
        break;
    case MMOE_FIELD_UINT64:
        *(uint64_t *)f->at = (uint64_t)value.integer;
        break;
    case MMOE_FIELD_REAL:
        *(double *)f->at = value.real;
        break;
    }
    return true;
}
