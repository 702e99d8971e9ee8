/* A configuration held against the one that a run began with. */
#ifndef MMOE_CONFIG_CONFIG_COMPARE_H
#define MMOE_CONFIG_CONFIG_COMPARE_H

#include "config/config.h"

enum { MMOE_DIFFERENCE_SIZE = 400 };

/* Says in `text` [MMOE_DIFFERENCE_SIZE] which key differs, "trainer.seed is 2, the checkpoint's is
 * 1", the first in the order of the keys, and how many more; "" when none does. Keys that a run may
 * change on its way (mmoe_key.may_differ) are passed over. MMOE_E_MEMORY. */
mmoe_status mmoe_config_compare(const mmoe_config *own, const mmoe_config *checkpoint, char *text,
                                mmoe_error *err);

#endif
