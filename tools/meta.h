/* Metadata that a command line gives a model. */
#ifndef MMOE_TOOLS_META_H
#define MMOE_TOOLS_META_H

#include "cli.h"

typedef struct cli_meta {
    cli_list texts; /* KEY=VALUE; freed by cli_list_free */
    bool dated;
} cli_meta;

/* Two rows of a command's options. */
#define CLI_META(target)                                                                           \
    {"meta",                                                                                       \
     "KEY=VALUE",                                                                                  \
     CLI_LIST,                                                                                     \
     &(target)->texts,                                                                             \
     false,                                                                                        \
     0,                                                                                            \
     0,                                                                                            \
     "keep a text of yours in the model file, such as git=2ab4f1; mmoe inspect prints it"},        \
    {                                                                                              \
        "dated", NULL, CLI_FLAG, &(target)->dated, false, 0, 0,                                    \
            "keep the current time (UTC), or that of SOURCE_DATE_EPOCH, as the text date"          \
    }

/* Before any work: wrong usage, where a key or value cannot be kept, or a key stands twice. */
int cli_check_meta(const cli_meta *meta);
/* Of one that was checked. */
int cli_put_meta(const cli_meta *meta, mmoe_model *model);

#endif
