/* What `mmoe init` takes columns for. */
#ifndef MMOE_TOOLS_INIT_FEATURES_H
#define MMOE_TOOLS_INIT_FEATURES_H

#include <jansson.h>

#include "init_survey.h"

/* "features" of the configuration; says on standard error what a reader should know of a guess.
 * NULL: memory is out. */
json_t *cli_guess_features(const cli_survey *s);

#endif
