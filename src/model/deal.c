/* Which tables are dealt to ranks: each has the rows whose numbers modulo ranks, or modulo the
 * parts of a table where there are more ranks, are its own. */
#include "model/model.h"

/* A row of products takes 64 bytes and more, and those of a table 2^18 bytes a column of its
 * vectors at most, and 2^26: of larger ones no predictor makes products (serve/products.c), which
 * are of all rows. */
enum { MOST_ROWS_A_COLUMN = 1 << 12, MOST_ROWS = 1 << 20 };

static bool is_large(const mmoe_tensor *t) {
    const int64_t most = t->shape[1] * MOST_ROWS_A_COLUMN;
    return t->shape[0] > (most < MOST_ROWS ? most : MOST_ROWS);
}

/* Do all lists of a table know what is no part of them by one number? */
static bool has_one_padding(const mmoe_graph *g, int32_t table) {
    int64_t dropped = -1;
    for (const mmoe_node *n = g->nodes; n < g->nodes + g->n_node; n++)
        for (int32_t i = 0; n->op == MMOE_OP_INPUT && i < n->u.input.n_lookup; i++) {
            const mmoe_lookup *l = &n->u.input.lookups[i];
            if (l->table != table || !l->is_list || l->bag.dropped < 0) continue;
            if (dropped >= 0 && dropped != l->bag.dropped) return false;
            dropped = l->bag.dropped;
        }
    return true;
}

void mmoe_model_deal(mmoe_graph *g, const mmoe_schema *schema, mmoe_among own) {
    const int32_t owners = own.ranks < MMOE_TABLE_PARTS ? own.ranks : MMOE_TABLE_PARTS;
    for (size_t i = 0; i < g->tensors.count; i++) {
        mmoe_tensor *t = &g->tensors.items[i];
        if (t->kind != MMOE_TENSOR_TABLE || !t->is_deferred || !is_large(t)) continue;
        if (schema->tables[t->table].pretrained || !has_one_padding(g, t->table)) continue;
        while (1 << t->deal.shift < owners) t->deal.shift++;
        if (t->deal.shift) t->deal.owner = own.rank < owners ? own.rank : -1;
    }
}
