/* Checks of what is watched, after a configuration's tasks are known. */
#ifndef MMOE_CONFIG_CONFIG_WATCHED_H
#define MMOE_CONFIG_CONFIG_WATCHED_H

#include "config/config_keys.h"

/* Finds trainer.earlystop_task in `root`, and checks that its metric, or a mean's, is one of its
 * type and has the groups that it needs. */
mmoe_status mmoe_config_check_watched(const json_t *root, mmoe_config *config,
                                      const mmoe_key_place *place);

#endif
