#include "train/checkpoint_path.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

mmoe_status mmoe_checkpoint_member_path(const char *path, const mmoe_model *member,
                                        const mmoe_allocator *alloc, char **out, mmoe_error *err) {
    const size_t size = strlen(path) + sizeof ".member64";
    *out = mmoe_alloc(alloc, size, 1);
    if (!*out) return mmoe_fail_memory(err, size);
    if (member->config->member)
        snprintf(*out, size, "%s.member%d", path, (int)member->config->member + 1);
    else
        snprintf(*out, size, "%s", path);
    return MMOE_OK;
}
