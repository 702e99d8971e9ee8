/* A configuration from its JSON tree, and the tree of a configuration. */
#ifndef MMOE_CONFIG_CONFIG_JSON_H
#define MMOE_CONFIG_CONFIG_JSON_H

#include "config/config_keys.h"

/* Fills a configuration that is all zero but for `alloc`; on failure it holds what must be freed.
 */
mmoe_status mmoe_config_from_json(const json_t *root, mmoe_config *config,
                                  const mmoe_key_place *place);
/* Every key that the model takes, in the order of the table; NULL when memory is out. The caller
 * drops the reference. */
json_t *mmoe_config_to_json(const mmoe_config *config);

#endif
