/* The library under test, driven through its public functions alone, in the reference's terms. A
 * call that fails ends the test with the library's message. */
#ifndef ENGINE_H
#define ENGINE_H

#include "mmoe/train.h"
#include "reference.h"

typedef struct engine {
    reference_spec spec;
    bool weighted;
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_model *model;
    mmoe_dataset *rows;
    mmoe_trainer *trainer;
    int (*on_epoch)(void *engine, const mmoe_epoch_report *report); /* of trainers to come */
} engine;

/* A configuration's key and its value, see mmoe_config_set. */
typedef struct engine_key {
    const char *path, *value;
} engine_key;

/* A model of this shape; tables and columns bear the spec's names. `weighted`: rows have weights.
 */
void engine_init(engine *e, const reference_spec *spec, const reference_optimizer *optimizer,
                 int batch_size, bool weighted);
/* The same with more keys, set in their order, up to one without a path. */
void engine_init_with(engine *e, const reference_spec *spec, const reference_optimizer *optimizer,
                      int batch_size, bool weighted, const engine_key *keys);
/* A trainer with `threads` workers, and its rows. */
void engine_prepare(engine *e, const reference_batch *batch, int threads);
void engine_finish(engine *e);

/* Copies every tensor, weights and running statistics, from or to a reference model; fails unless
 * both have the same tensors of the same shapes. */
void engine_set_weights(engine *e, reference_model *from);
void engine_get_weights(const engine *e, reference_model *to);

/* Scores [B, T] of a batch. */
void engine_predict(const engine *e, const reference_batch *batch, double *scores);
/* One update with all rows that were prepared; losses [T]. */
void engine_step(engine *e, double *losses);
/* All epochs. */
void engine_fit(engine *e);

#endif
