/* Models of several members (model.members): whole models, each with weights, schema and
 * configuration of its own, whose predictions are averaged.
 *
 *   struct mmoe_model --next--> member 2 --next--> member 3 --next--> NULL
 *
 * The first one stands for all: it has the metadata, slots and trainers claim it, and its
 * configuration and schema are those that callers see. Files, predictors and trainers go along the
 * chain. All are made by one allocator, which counts what they have together. */
#ifndef MMOE_MODEL_MEMBERS_H
#define MMOE_MODEL_MEMBERS_H

#include "model/model.h"

/* Makes what `of`, one member, becomes. */
typedef mmoe_status mmoe_member_maker(const mmoe_model *of, void *context, mmoe_model **out,
                                      mmoe_error *err);
/* A model whose members `make` makes of those of `of`, in their order. On failure there is none. */
mmoe_status mmoe_members_make(const mmoe_model *of, mmoe_member_maker *make, void *context,
                              mmoe_model **out, mmoe_error *err);

/* MMOE_E_CONFIG, in the name of a `call` of several ranks: one process trains members. */
mmoe_status mmoe_members_check_one(const mmoe_config *config, const char *call, mmoe_error *err);

#endif
