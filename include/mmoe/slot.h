/* mmoe/slot.h: a model that is served while newer ones take its place. See mmoe/mmoe.h for the
 * conventions. */
#ifndef MMOE_SLOT_H
#define MMOE_SLOT_H

#include "predictor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Holds the model that a service scores with, and lets another take its place while requests run.
 * Each thread has a reader. Between enter and leave it holds a model, which stays as long; enter
 * and leave take no lock, wait for nobody, and write to the reader's memory alone. A model that was
 * replaced is freed when its last reader leaves, by that reader (or by mmoe_slot_collect). A reader
 * keeps its predictor from request to request; only when the version has changed it takes a new
 * one, which allocates some kilobytes: its room for rows is the reader's, and stays. The predictors
 * of a version are freed with it.
 *
 *     mmoe_slot *slot;                                  once: the slot takes the model over
 *     mmoe_slot_create(model, NULL, &slot, &err);
 *
 *     mmoe_reader *reader;                              once a thread
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
/* A thread's way into a slot; used by one thread at a time. */
typedef struct mmoe_reader mmoe_reader;

/* What a reader holds from enter to leave. */
typedef struct mmoe_served {
    uint64_t version; /* 1 for the slot's first model, one more for each that was published */
    const mmoe_model *model;
    mmoe_predictor *predictor;
} mmoe_served;

/* Makes the predictor of `model` that readers' are cloned from. On success the slot owns the model,
 * which must not be freed, and is nobody else's: to train it, load weights into it, or give it to a
 * slot again is MMOE_E_ARGUMENT then, as it is here where it has a trainer. MMOE_E_ARGUMENT,
 * _MEMORY. */
MMOE_API mmoe_status mmoe_slot_create(mmoe_model *model, const mmoe_allocator *alloc,
                                      mmoe_slot **out, mmoe_error *err);
/* Predictors, those of later models too, are made as `options` say, which may be NULL. */
MMOE_API mmoe_status mmoe_slot_create_with(mmoe_model *model, const mmoe_predictor_options *options,
                                           const mmoe_allocator *alloc, mmoe_slot **out,
                                           mmoe_error *err);
/* Frees the models, too. Its readers must have been freed. */
MMOE_API void mmoe_slot_free(mmoe_slot *slot);
/* Puts `model` in the place of the current one: from now on readers enter it. Returns at once,
 * whoever still reads the old one. Writes its version to `version`, which may be NULL. The model is
 * the slot's on success, on failure the caller's. From any thread; publishers take turns.
 * MMOE_E_ARGUMENT, _MEMORY.
 *
 * Readers know columns and tasks by their numbers, so a model must have those of the slot's first
 * one: the same sparse and dense columns by name, side and dim, and the same tasks by name and
 * type, in the same order. Another is MMOE_E_ARGUMENT, and the error names the column or task that
 * differs; it takes a slot of its own. (Vocabularies may differ: raw values mean the same to each
 * model, but row numbers are of one model's vocabularies.) A slot whose predictors are bound to an
 * input knows columns by their names: a model must be one that mmoe_input_check accepts, and have
 * the tasks. */
MMOE_API mmoe_status mmoe_slot_publish(mmoe_slot *slot, mmoe_model *model, uint64_t *version,
                                       mmoe_error *err);

/* Of all requests since the slot was made, by whatever reader and version: the sums of its readers'
 * predictors, those that are gone too. Columns are those of all its models, united by name: of one
 * that only some models have, the rows that these scored. They stay in the order in which they
 * came, so a model that is published with others adds them behind, and makes the arrays too small
 * (MMOE_E_ARGUMENT: ask for the numbers again). What the training rows were like is the current
 * model's; NaN of a column that it has not. Any thread; only publishers wait for it. */
MMOE_API mmoe_status mmoe_slot_counts(mmoe_slot *slot, mmoe_counts *out, mmoe_error *err);

/* Frees the models that were replaced and that nobody reads any more, and returns how many that
 * were replaced are there yet: those that are still read, and those that another thread, which
 * publishes or collects at this moment, is about to free. From any thread. From its first call on a
 * reader that leaves frees none, and no request pays for that: call it after publications and now
 * and then, until it returns 0. */
MMOE_API size_t mmoe_slot_collect(mmoe_slot *slot);

/* The caller frees it, before the slot. From any thread. MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_reader_create(mmoe_slot *slot, mmoe_reader **out, mmoe_error *err);
/* Outside: after mmoe_reader_leave. */
MMOE_API void mmoe_reader_free(mmoe_reader *reader);
/* Fills `out`, which is valid until mmoe_reader_leave. MMOE_E_ARGUMENT (NULL, or the reader has not
 * left), _MEMORY; the reader is then outside. */
MMOE_API mmoe_status mmoe_reader_enter(mmoe_reader *reader, mmoe_served *out, mmoe_error *err);
/* Does nothing outside. `reader` may be NULL. */
MMOE_API void mmoe_reader_leave(mmoe_reader *reader);

#ifdef __cplusplus
}
#endif

#endif
