/* One rank: what it sends is what it gets. */
#include <string.h>

#include "base/comm.h"

static mmoe_status start(mmoe_comm *c, mmoe_comm_way way, const mmoe_exchange *e, mmoe_error *err) {
    (void)c;
    (void)way;
    (void)err;
    const char *from = e->from_bytes[0] ? (const char *)e->from + e->from_at[0] : NULL;
    char *to = e->from_bytes[0] ? (char *)e->to + e->to_at[0] : NULL;
    if (from != to) memcpy(to, from, e->from_bytes[0]);
    return MMOE_OK;
}

static mmoe_status finish(mmoe_comm *c, mmoe_comm_way way, mmoe_error *err) {
    (void)c;
    (void)way;
    (void)err;
    return MMOE_OK;
}

/* Nobody waits. */
static void abort_rank(mmoe_comm *c, const char *message) {
    (void)c;
    (void)message;
}

mmoe_comm *mmoe_comm_self(void) {
    static const mmoe_comm_kind kind = {"one process", start, finish, abort_rank};
    static mmoe_comm self = {.kind = &kind, .rank = 0, .size = 1};
    return &self;
}
