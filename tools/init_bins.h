/* Bins that stand beside a number. */
#ifndef MMOE_TOOLS_INIT_BINS_H
#define MMOE_TOOLS_INIT_BINS_H

#include "init_survey.h"

/* A feature of embeddings of the number's bins, or of its values where these are few: a threshold,
 * and what two columns tell only together, takes a network of the number itself more updates than
 * there are. NULL: it has too few, or most rows have one value. */
json_t *cli_guess_bins(const cli_survey *s, const cli_column *c);

#endif
