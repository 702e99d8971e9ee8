/* Features that share a table have its owner's width. */
#ifndef MMOE_CONFIG_CONFIG_SHARING_H
#define MMOE_CONFIG_CONFIG_SHARING_H

#include <jansson.h>

#include "config/config.h"

/* Gives its owner's embed_dim to each feature of `features` that shares a table and, in the
 * configuration's text `root`, has none of its own. */
void mmoe_config_inherit_widths(const json_t *root, mmoe_feature_specs *features);

#endif
