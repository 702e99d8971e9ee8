/* mmoe: Multi-gate Mixture-of-Experts ranking models on CPUs.
 *
 * This header is what a service includes: status, errors, memory, a loaded model and a predictor. Training stands in
 * mmoe/train.h.
 *
 * Conventions of both headers:
 *  - Functions that can fail return an mmoe_status: MMOE_OK (0) or a negative code. Objects come out through the last
 *    pointer before `err`, written only on success.
 *  - `mmoe_error *err` may be NULL. It is written only on failure.
 *  - Arrays are row-major: [rows, columns] means element (r, c) stands at r * columns + c.
 *  - Every `..._free` accepts NULL.
 *  - `const mmoe_allocator *alloc` may be NULL (malloc). The structure is copied; what `user` points to must outlive
 *    every object made with it.
 *  - The library never prints, exits or changes the process's BLAS threads, signal handlers, locale or floating-point
 *    mode, except mmoe_trainer_options.single_threaded_blas, which asks for it.
 */
#ifndef MMOE_H
#define MMOE_H

#include <stddef.h>
#include <stdint.h>

#define MMOE_VERSION_MAJOR 0
#define MMOE_VERSION_MINOR 1
#define MMOE_VERSION_PATCH 0
/* Binary interface: changes when a program built against an older header would break. */
#define MMOE_SOVERSION 0

#if defined(__GNUC__)
#define MMOE_API __attribute__((visibility("default")))
#else
#define MMOE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Status ------------------------------------------------------------------------------------------------------ */

typedef int mmoe_status;
enum {
    MMOE_OK = 0,
    MMOE_E_ARGUMENT = -1, /* a call's argument is wrong: NULL, out of range, of another schema */
    MMOE_E_MEMORY = -2,   /* an allocation failed */
    MMOE_E_IO = -3,       /* the operating system refused: missing file, full disk, no permission */
    MMOE_E_FORMAT = -4,   /* a file is not what it should be: truncated, tampered, not CSV or JSON */
    MMOE_E_VERSION = -5,  /* a file was written by a newer version of this library */
    MMOE_E_CONFIG = -6,   /* a configuration names an unknown key or an impossible value */
    MMOE_E_DATA = -7,     /* a value in the data is not allowed by the schema */
    MMOE_E_NUMERIC = -8,  /* training produced a value that is not finite */
    MMOE_E_CANCELLED = -9 /* a callback or mmoe_trainer_stop asked to stop */
};

/* A short description of a status; never NULL, for any int. Thread-safe; the string is static. */
MMOE_API const char *mmoe_status_string(mmoe_status status);

/* "0.1.0"; static. */
MMOE_API const char *mmoe_version(void);

/* What went wrong, and where. Fields that do not apply are "" or 0. */
typedef struct mmoe_error {
    mmoe_status code;
    int64_t row;       /* 1-based row of a file, its header being row 1 where it has one; 0: none */
    char column[128];  /* name of a column or configuration key; long names are cut */
    char file[256];    /* the file's path as given; long paths are cut */
    char message[512]; /* a whole sentence, with the place in it, without newline */
} mmoe_error;

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

/* Where the library takes its memory. Each function may be called from any thread at once. `alloc` and `resize` return
 * NULL when there is none; memory must be aligned as malloc's is. `resize` gets the old size too. `release` accepts
 * NULL. */
typedef struct mmoe_allocator {
    void *user;
    void *(*alloc)(void *user, size_t size);
    void *(*resize)(void *user, void *memory, size_t old_size, size_t new_size);
    void (*release)(void *user, void *memory);
} mmoe_allocator;

/* ---- Model ------------------------------------------------------------------------------------------------------- */

typedef enum mmoe_task_type { MMOE_CLASSIFICATION = 0, MMOE_REGRESSION = 1 } mmoe_task_type;

/* Schema, configuration and weights. Once loaded it is immutable and may be shared by any number of threads; only a
 * trainer writes to the model it was given. */
typedef struct mmoe_model mmoe_model;

/* Reads a model file (.safetensors written by mmoe). MMOE_E_IO, _FORMAT, _VERSION, _MEMORY; nothing is loaded on
 * failure. The caller frees the model, after every predictor and trainer made from it. */
MMOE_API mmoe_status mmoe_model_load(const char *path, const mmoe_allocator *alloc, mmoe_model **out, mmoe_error *err);
MMOE_API void mmoe_model_free(mmoe_model *model);

/* Columns of the model's input and output. Names belong to the model; NULL or -1 for an index out of range. */
MMOE_API int32_t mmoe_model_task_count(const mmoe_model *model);
MMOE_API const char *mmoe_model_task_name(const mmoe_model *model, int32_t task);
MMOE_API int mmoe_model_task_type(const mmoe_model *model, int32_t task); /* an mmoe_task_type or -1 */
MMOE_API int32_t mmoe_model_sparse_count(const mmoe_model *model);
MMOE_API const char *mmoe_model_sparse_name(const mmoe_model *model, int32_t column);
/* Rows of the column's embedding table; ready row numbers are 0 .. rows-1. */
MMOE_API int64_t mmoe_model_sparse_rows(const mmoe_model *model, int32_t column);
MMOE_API int32_t mmoe_model_dense_count(const mmoe_model *model);
MMOE_API const char *mmoe_model_dense_name(const mmoe_model *model, int32_t column);

/* ---- Predictor --------------------------------------------------------------------------------------------------- */

/* Rows to score, encoded: row numbers of the embedding tables and dense values that have passed the model's transforms
 * (mmoe_dataset_batch makes one from a data set). The arrays belong to the caller. */
typedef struct mmoe_batch {
    size_t rows;
    const int32_t *ids; /* [rows, id_stride], the first sparse_count of each row are read; may be NULL without sparse columns */
    size_t id_stride;
    const float *dense; /* [rows, dense_stride]; may be NULL without dense columns */
    size_t dense_stride;
} mmoe_batch;

/* Scores rows with one model. A predictor serves one thread at a time; make one a thread. */
typedef struct mmoe_predictor mmoe_predictor;

/* Takes every byte that it will need, once. The model must outlive the predictor. MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_predictor_create(const mmoe_model *model, const mmoe_allocator *alloc, mmoe_predictor **out, mmoe_error *err);
MMOE_API void mmoe_predictor_free(mmoe_predictor *predictor);

/* Writes `scores` [rows, tasks]: a probability for a classification task, a value for a regression task. Any number of
 * rows; allocates nothing. MMOE_E_ARGUMENT (NULL, a row number outside its table, a dense value that is not finite;
 * `err->row` is the 1-based row): `scores` is left as it was. */
MMOE_API mmoe_status mmoe_predictor_run(mmoe_predictor *predictor, const mmoe_batch *batch, float *scores, mmoe_error *err);

/* ---- Slot -------------------------------------------------------------------------------------------------------- */

/* Holds the model that a service scores with, and lets another take its place while requests run. Each thread has a
 * reader. Between enter and leave it holds a model, which stays as long; enter and leave take no lock, wait for nobody,
 * and write to the reader's memory alone. A model that was replaced is freed when its last reader leaves, by that reader.
 * A reader keeps its predictor from request to request and makes a new one, which allocates, only when the version has
 * changed; the predictors of a version are freed with it.
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
 *     mmoe_model_load(path, NULL, &next, &err);         whenever there is a newer model, from any thread
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

/* On success the slot owns `model`, which must not be trained, freed or given to a slot again. MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_slot_create(mmoe_model *model, const mmoe_allocator *alloc, mmoe_slot **out, mmoe_error *err);
/* Frees the models, too. Its readers must have been freed. */
MMOE_API void mmoe_slot_free(mmoe_slot *slot);
/* Puts `model` in the place of the current one: from now on readers enter it. Returns at once, whoever still reads the
 * old one. Writes its version to `version`, which may be NULL. The model is the slot's on success, on failure the
 * caller's. From any thread; publishers take turns. MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_slot_publish(mmoe_slot *slot, mmoe_model *model, uint64_t *version, mmoe_error *err);

MMOE_API mmoe_status mmoe_reader_create(mmoe_slot *slot, mmoe_reader **out, mmoe_error *err);
/* Outside: after mmoe_reader_leave. */
MMOE_API void mmoe_reader_free(mmoe_reader *reader);
/* Fills `out`, which is valid until mmoe_reader_leave. MMOE_E_ARGUMENT (NULL, or the reader has not left), _MEMORY; the
 * reader is then outside. */
MMOE_API mmoe_status mmoe_reader_enter(mmoe_reader *reader, mmoe_served *out, mmoe_error *err);
/* Does nothing outside. `reader` may be NULL. */
MMOE_API void mmoe_reader_leave(mmoe_reader *reader);

#ifdef __cplusplus
}
#endif

#endif
