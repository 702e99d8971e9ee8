/* Any bytes as a safetensors file: no crash, and what comes out lies within its bounds. */
#include <stdlib.h>

#include "fuzz.h"
#include "file/container.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mmoe_container *c;
    mmoe_error err;
    if (mmoe_container_parse(data, size, "fuzz", NULL, &c, &err)) return 0;
    unsigned sum = mmoe_container_metadata(c, "format") != NULL;
    for (size_t i = 0; i < mmoe_container_count(c); i++) {
        const mmoe_container_tensor *t = mmoe_container_at(c, i);
        if (mmoe_container_find(c, t->name) != t) abort();
        for (size_t k = 0; k < t->bytes; k++) sum += ((const uint8_t *)t->data)[k];
    }
    mmoe_container_close(c);
    return sum == (unsigned)-1 ? -1 : 0; /* keeps the reads */
}
