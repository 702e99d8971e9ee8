/* mmoe/slot.h: replacing the model of a service while requests run. See mmoe/mmoe.h for the
 * conventions. */
#ifndef MMOE_SLOT_H
#define MMOE_SLOT_H

#include "predictor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A slot holds the model that a service scores with. Another model can replace it while requests
 * run.
 *
 * Each thread has a reader. Between enter and leave the reader holds a model, which is not freed
 * meanwhile. Enter and leave take no lock, wait for no other thread, and write only to the reader's
 * memory. A replaced model is freed when its last reader leaves, by that reader or by
 * mmoe_slot_collect.
 *
 * A reader keeps its predictor from request to request. It takes a new one only when the version
 * has changed, which allocates some kilobytes; its working memory for rows belongs to the reader
 * and is kept. The predictors of a version are freed with it.
 *
 *     mmoe_slot *slot;                                  once: the slot becomes the model's owner
 *     mmoe_slot_create(model, NULL, &slot, &err);
 *
 *     mmoe_reader *reader;                              once for each thread
 *     mmoe_reader_create(slot, &reader, &err);
 *
 *     mmoe_served now;                                  each request
 *     if (mmoe_reader_enter(reader, &now, &err) == MMOE_OK) {
 *         mmoe_predictor_run(now.predictor, &batch, scores, &err);
 *         mmoe_reader_leave(reader);
 *     }
 *
 *     mmoe_model_load(path, NULL, &next, &err);         each newer model, from any thread
 *     mmoe_slot_publish(slot, next, &version, &err);
 */
typedef struct mmoe_slot mmoe_slot;
/* Gives a thread access to a slot. Only one thread at a time may use a reader. */
typedef struct mmoe_reader mmoe_reader;

/* What a reader holds between enter and leave. All of it belongs to the slot. */
typedef struct mmoe_served {
    uint64_t version; /* 1 for the first model of the slot, and one more for each published model */
    const mmoe_model *model;
    mmoe_predictor *predictor;
} mmoe_served;

/* Creates a slot with `model`, and the predictor from which those of the readers are cloned. The
 * caller frees the slot with mmoe_slot_free. On success the slot owns the model: the caller must
 * not free it. To train it, to load weights into it, or to pass it to a slot again returns
 * MMOE_E_ARGUMENT then. A model that has a trainer is MMOE_E_ARGUMENT here. Errors:
 * MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_slot_create(mmoe_model *model, const mmoe_allocator *alloc,
                                      mmoe_slot **out, mmoe_error *err);
/* The same with options for the predictors, including those of later models. `options` may be NULL.
 */
MMOE_API mmoe_status mmoe_slot_create_with(mmoe_model *model, const mmoe_predictor_options *options,
                                           const mmoe_allocator *alloc, mmoe_slot **out,
                                           mmoe_error *err);
/* Frees the slot and its models. All of its readers must have been freed before. */
MMOE_API void mmoe_slot_free(mmoe_slot *slot);
/* Replaces the current model by `model`: readers that enter from now on get it. Does not wait for
 * readers of the old model. Writes the new version to `version`, which may be NULL. On success the
 * slot owns the model, on failure the caller still does. May be called from any thread; publishers
 * take turns. Errors: MMOE_E_ARGUMENT, _MEMORY.
 *
 * Readers refer to columns and tasks by number. So a model must have those of the slot's first
 * model: the same sparse and dense columns by name, side and dim, and the same tasks by name and
 * type, in the same order. Any other model is MMOE_E_ARGUMENT, and the error names the column or
 * task that differs; use another slot for it. Vocabularies may differ: raw values mean the same to
 * each model, but row numbers belong to the vocabularies of one model.
 *
 * A slot whose predictors are bound to an input refers to columns by name. Then mmoe_input_check
 * must accept the model, and it must have the same tasks. */
MMOE_API mmoe_status mmoe_slot_publish(mmoe_slot *slot, mmoe_model *model, uint64_t *version,
                                       mmoe_error *err);

/* Returns the counts of all requests since the slot was created: the sums over the predictors of
 * all readers and versions, including those that have been freed.
 *
 * The columns are those of all models of the slot, united by name. For a column that only some
 * models have, the counts are of the rows that these models scored. Columns stay in the order in
 * which they appeared. A model that brings new columns appends them, and then the caller's arrays
 * are too small: MMOE_E_ARGUMENT; ask for the numbers again. Shares of the training rows are those
 * of the current model, and NaN for a column that it does not have.
 *
 * May be called from any thread; only publishers wait for it. */
MMOE_API mmoe_status mmoe_slot_counts(mmoe_slot *slot, mmoe_counts *out, mmoe_error *err);

/* Frees the replaced models that no reader holds. Returns how many replaced models remain: those
 * that readers still hold, and those that another thread, which is publishing or collecting, is
 * about to free. May be called from any thread. From its first call on, leaving readers free no
 * models, so no request takes time for it. Call it after publications and now and then, until it
 * returns 0. */
MMOE_API size_t mmoe_slot_collect(mmoe_slot *slot);

/* Creates a reader. The caller frees it before the slot. May be called from any thread. Errors:
 * MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_reader_create(mmoe_slot *slot, mmoe_reader **out, mmoe_error *err);
/* Frees a reader that holds no model: one that has left, or never entered. */
MMOE_API void mmoe_reader_free(mmoe_reader *reader);
/* Makes the reader hold the current model. Fills `out`, which is valid until mmoe_reader_leave.
 * Errors: MMOE_E_ARGUMENT: an argument is NULL, or the reader has not left; _MEMORY: the reader
 * then holds no model. */
MMOE_API mmoe_status mmoe_reader_enter(mmoe_reader *reader, mmoe_served *out, mmoe_error *err);
/* Releases the model that the reader holds. Does nothing if it holds none. `reader` may be NULL. */
MMOE_API void mmoe_reader_leave(mmoe_reader *reader);

#ifdef __cplusplus
}
#endif

#endif
