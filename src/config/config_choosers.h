/* The keys of a configuration whose words decide which others there are. */
#ifndef MMOE_CONFIG_CONFIG_CHOOSERS_H
#define MMOE_CONFIG_CONFIG_CHOOSERS_H

/* A key whose word decides which keys of a section there are. */
typedef enum mmoe_chooser_kind {
    MMOE_CHOOSER_MODEL,
    MMOE_CHOOSER_EMBEDDING_INIT,
    MMOE_CHOOSER_METHOD,
    MMOE_CHOOSER_SCHEDULER,
    MMOE_CHOOSER_OPTIMIZER,
    MMOE_CHOOSER_EMBEDDING_OPTIMIZER,
    MMOE_CHOOSERS
} mmoe_chooser_kind;

#endif
