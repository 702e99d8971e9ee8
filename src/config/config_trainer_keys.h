/* The keys of the trainer, a part of the table of keys. Private. */
#ifndef MMOE_CONFIG_CONFIG_TRAINER_KEYS_H
#define MMOE_CONFIG_CONFIG_TRAINER_KEYS_H

#include "config/config.h"
#include "config/config_choosers.h"
#include "data/key_macros.h"

#define IN_CONFIG(member) .scope = MMOE_SCOPE_CONFIG, .offset = offsetof(struct mmoe_config, member)
/* A run that is continued may have another value. */
#define CHANGES(member) IN_CONFIG(member), .may_differ = true

extern const mmoe_key mmoe_trainer_keys[];
extern const size_t mmoe_trainer_key_count;

#endif
