/* What `mmoe init` makes of labels, and how it has a file of this size trained. */
#ifndef MMOE_TOOLS_INIT_TRAINING_H
#define MMOE_TOOLS_INIT_TRAINING_H

#include <jansson.h>

#include "init_survey.h"

/* "tasks", "trainer" and "model" of the configuration; each says what it has chosen on standard
 * error. NULL: memory is out. */
json_t *cli_guess_tasks(const cli_survey *s);
json_t *cli_guess_trainer(const cli_survey *s, const json_t *tasks);
json_t *cli_guess_model(const cli_survey *s, const json_t *features);

#endif
