/* Tables that begin with vectors of a file. */
#ifndef MMOE_MODEL_PRETRAINED_H
#define MMOE_MODEL_PRETRAINED_H

#include "model/model.h"

/* Gives each such table that has no width yet the file's. MMOE_E_IO, _FORMAT, _VERSION, _MEMORY,
 * with the file and the table in the error: a file that cannot be read, is none, or whose shape is
 * not the table's. */
mmoe_status mmoe_pretrained_settle(struct mmoe_schema *schema, mmoe_error *err);
/* The vectors to the tables of a model whose weights are drawn; a padding row's, too, as PyTorch
 * has it: a warning of the model where they are not 0. MMOE_E_FORMAT, too, where a value is no
 * finite float. */
mmoe_status mmoe_pretrained_fill(mmoe_model *model, mmoe_error *err);

#endif
