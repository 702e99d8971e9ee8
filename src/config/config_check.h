/* Checks between the keys of a configuration. Private. */
#ifndef MMOE_CONFIG_CONFIG_CHECK_H
#define MMOE_CONFIG_CONFIG_CHECK_H

#include "config/config_keys.h"

/* What no key can check alone: the model's keys, names, columns, what early stopping watches. */
mmoe_status mmoe_config_check(const json_t *root, mmoe_config *config, const mmoe_key_place *place);

/* config_pretrained.c: what a feature's table begins with, and whether it learns, which its owner
 * alone says. `item` is the feature's path. */
mmoe_status mmoe_config_check_table(const mmoe_sparse_spec *spec, const char *item,
                                    const mmoe_key_place *place);

#endif
