/* The model file: what load, save and the import of weights share.
 *
 * A safetensors file. Tensors: num_batches_tracked (I64, []), keys and offsets of vocabularies
 * (file/schema_tensors.h), the other tensors (F32) by torch-rechub's names in the model's order,
 * the texts of vocabularies. Those of a second member and on have names behind "member.2." and so
 * on (members.h). Tables that are narrow (mmoe_model_with_tables) stand before these
 * texts, behind the others: the scales of integers (F32 [rows, 1], TABLE_scale), then the rows (I8
 * or BF16, [rows, dim]). Metadata: the keys below. */
#ifndef MMOE_MODEL_MODEL_FILE_H
#define MMOE_MODEL_MODEL_FILE_H

#include "file/container.h"
#include "model/model.h"

#define MMOE_FILE_FORMAT "mmoe"                  /* "format" */
#define MMOE_CHECKPOINT_FORMAT "mmoe-checkpoint" /* "format" of train/checkpoint.c's files */
#define MMOE_FILE_FORMAT_VERSION 1               /* "format_version" */

/* Behind a table's name. */
#define MMOE_FILE_SCALE "_scale"

/* Metadata that the checksum covers beside all tensors: "mmoe_version" wrote the file, "config" is
 * mmoe_config_text's, "schema" that of schema_json.h, "meta" mmoe_meta_text's, of a model that has
 * some. "checksum" itself is 16 hexadecimal digits. */
enum { MMOE_FILE_NEEDED = 5, MMOE_FILE_META = MMOE_FILE_NEEDED, MMOE_FILE_COVERED };
extern const char *const mmoe_file_covered[MMOE_FILE_COVERED];

/* The sum of checksum.h over a file's tensors and the covered metadata (values
 * [MMOE_FILE_COVERED], NULL behind those that are needed: there is none). */
uint64_t mmoe_file_checksum(const mmoe_container_tensor *tensors, size_t count,
                            const char *const *values);

/* dealt_file.c: of a model whose tables are dealt to ranks, which all call these. The first rank
 * writes a file whose metadata `checksum` is, of `values` as above; others send it their rows. A
 * tensor whose data is NULL is such a table. As mmoe_container_write, and as a collector's. */
mmoe_status mmoe_dealt_file_write(const mmoe_model *model, const char *path,
                                  const mmoe_container_contents *what, const char *const *values,
                                  char *checksum, mmoe_error *err);
mmoe_status mmoe_dealt_file_send(const mmoe_model *model, mmoe_error *err);

/* Of num_batches_tracked: so that a training run may count on. */
#define MMOE_FILE_MOST_BATCHES ((int64_t)1 << 62)

/* The first of `count` values that a weight may not have: one that is not finite, or with
 * `positive` one below 0; -1: none. */
int64_t mmoe_file_bad_value(const float *values, int64_t count, bool positive);
/* The first of `count` BF16 values that is not finite; -1: none. */
int64_t mmoe_file_bad_half(const uint16_t *values, int64_t count);
/* Whether a tensor's values may not be negative: a running variance. */
bool mmoe_file_is_variance(const mmoe_tensor *tensor);

/* Bytes of the tensors of the model's file, which are all but some kilobytes of it. MMOE_E_MEMORY.
 */
mmoe_status mmoe_file_size(const mmoe_model *model, int64_t *bytes, mmoe_error *err);
/* MMOE_E_NUMERIC: a weight is not finite; a file that could not be loaded again is not written. */
mmoe_status mmoe_file_check_values(const mmoe_model *model, mmoe_error *err);
/* The same of any parameters, as they stand in memory; `what` begins the message. */
mmoe_status mmoe_file_check_params(const mmoe_tensors *tensors, const mmoe_params *params,
                                   const char *what, mmoe_error *err);
/* Tensors of all members. */
size_t mmoe_file_tensor_count(const mmoe_model *model);
/* Those of a type, in their order. Returns how many `out` was given. */
size_t mmoe_file_model_tensors(const mmoe_model *model, mmoe_dtype dtype,
                               mmoe_container_tensor *out);

#endif
