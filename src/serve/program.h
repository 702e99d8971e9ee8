/* A model compiled to be served: the graph's nodes as steps over chunks of rows (step.h).
 * Immutable, and shared by any number of predictors. */
#ifndef MMOE_SERVE_PROGRAM_H
#define MMOE_SERVE_PROGRAM_H

#include "serve/step.h"

typedef struct mmoe_program_request {
    const mmoe_model *model;
    const mmoe_params *params; /* the model's, or others that are laid out as they are */
    size_t product_bytes;      /* at most, of products of embedding tables with the weights */
    const mmoe_input *input;   /* that it is bound to, or NULL */
    size_t rows;               /* that its predictors are made for */
    bool fetches;              /* tables may be dealt: who scores has their rows fetched */
    bool one_member;           /* of a model that has several, as it is while that one is trained */
} mmoe_program_request;

/* Takes the weights as they are; what is requested must outlive the program. One user. */
mmoe_status mmoe_program_create(const mmoe_program_request *wanted, const mmoe_allocator *alloc,
                                mmoe_program **out, mmoe_error *err);
/* Takes the weights again, as they are now, while nobody runs it. Allocates nothing. */
void mmoe_program_renew(mmoe_program *program);
/* In the name of a `call` that runs it. MMOE_E_ARGUMENT: the model's tables have moved. */
mmoe_status mmoe_program_check(const mmoe_program *program, const char *call, mmoe_error *err);
/* Where tables that are dealt have their rows by now. */
void mmoe_program_follow(mmoe_program *program);
int32_t mmoe_program_members(const mmoe_program *program);
mmoe_program *mmoe_program_share(mmoe_program *program);
/* The last user frees it. */
void mmoe_program_leave(mmoe_program *program);

#endif
