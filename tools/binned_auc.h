/* The AUC of any number of probabilities in bounded memory. */
#ifndef MMOE_TOOLS_BINNED_AUC_H
#define MMOE_TOOLS_BINNED_AUC_H

#include <stdbool.h>
#include <stdint.h>

/* Probabilities that differ by less than a part in 16,384 share a bin, and count as ties: of the
 * exact AUC at most sum_b P_b N_b / 2 P N is lost or won, P and N being the rows of either label.
 * 2^20 bins; smaller ones than 2^-64 share the first. */
typedef struct binned_auc {
    int64_t (*rows)[2]; /* [bins] of label 0, 1 */
} binned_auc;

/* False: memory is out. The caller frees it. */
bool binned_auc_make(binned_auc *out);
void binned_auc_free(binned_auc *auc);

/* What stands for a probability, 0 to 1, and its label. */
uint32_t binned_auc_place(double probability, bool label);
void binned_auc_add(binned_auc *auc, uint32_t place);
/* Mann-Whitney, ties counting half; NaN: one class only. */
double binned_auc_read(const binned_auc *auc);
/* The share of the rows whose label is 1. */
double binned_auc_rate(const binned_auc *auc);

#endif
