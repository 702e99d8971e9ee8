#include "serve/products.h"

#include <string.h>

#include "base/error.h"
#include "math/stride.h"

/* Of what pays (Xeon with AVX-512, 1000 rows of ids drawn evenly): a product of width n is added
 * in the time in which an embedding of width 2 is multiplied where all products lie in L2, of 4
 * where they take 1 MB, of 16 and more where they take 4 MB and come from L3. */
enum { LEAST_DIM = 3, BYTES_OF_WIDTH = 1 << 18 };

static const mmoe_node *input_of(const mmoe_program *p) { return &p->model->graph->nodes[0]; }

static int32_t first_cols(const mmoe_program *p) {
    const mmoe_graph *g = p->model->graph;
    size_t cols = 0;
    for (const mmoe_node *n = g->nodes; n < g->nodes + g->n_node; n++)
        for (int32_t i = 0; n->op == MMOE_OP_LINEAR && i < n->u.linear.n_block; i++)
            if (n->u.linear.blocks[i].in.value == p->x)
                cols += mmoe_line_floats((size_t)n->u.linear.blocks[i].cols);
    return (int32_t)cols;
}

/* ---- Choosing ---- */

/* Whether all products with those of one more table are few enough. */
static bool may_take(const mmoe_serve_products *products, const mmoe_lookup *l, size_t most_bytes) {
    if (l->dim < LEAST_DIM || l->rows > INT32_MAX - products->n_row) return false;
    const size_t pays = (size_t)l->dim * BYTES_OF_WIDTH,
                 most = (most_bytes < pays ? most_bytes : pays) / mmoe_products_row(products);
    return (size_t)products->n_row + (size_t)l->rows <= most;
}

static void take_column(mmoe_serve_products *products, int32_t i, int64_t rows) {
    products->first[i] = products->n_row;
    products->n_row += (int32_t)rows;
    products->n_column++;
}

/* A row of a table costs a row of products, and saves its width in multiplications: columns of few
 * rows for their width come first, in steps of a factor of 2. */
static void take_columns(mmoe_serve_products *products, const mmoe_node *input, size_t most_bytes) {
    for (int64_t least = 0, most = 1; least < INT32_MAX; least = most, most *= 2)
        for (int32_t i = 0; i < input->u.input.n_lookup; i++) {
            const mmoe_lookup *l = &input->u.input.lookups[i];
            const int64_t rows_of_width = l->rows / l->dim;
            if (rows_of_width >= least && rows_of_width < most && may_take(products, l, most_bytes))
                take_column(products, i, l->rows);
        }
}

/* Room for rows of the tables that are looked up and whose rows are no floats. */
static mmoe_status take_rows(mmoe_program *p, const mmoe_node *input, mmoe_error *err) {
    mmoe_serve_products *products = &p->products;
    size_t widest = 0;
    for (int32_t i = 0; i < input->u.input.n_lookup; i++) {
        const mmoe_lookup *l = &input->u.input.lookups[i];
        if (products->first[i] >= 0 && p->params->tables[l->table].dtype != MMOE_F32 &&
            (size_t)l->dim > widest)
            widest = (size_t)l->dim;
    }
    if (!widest) return MMOE_OK;
    products->rows = mmoe_alloc_aligned(&p->alloc, MMOE_PRODUCT_ROWS * widest, sizeof(float));
    return products->rows ? MMOE_OK
                          : mmoe_fail_memory(err, MMOE_PRODUCT_ROWS * widest * sizeof(float));
}

mmoe_status mmoe_products_choose(mmoe_program *p, size_t most_bytes, mmoe_error *err) {
    mmoe_serve_products *products = &p->products;
    const mmoe_node *input = input_of(p);
    const size_t lookups = (size_t)input->u.input.n_lookup;
    p->first_cols = first_cols(p);
    products->ld = mmoe_row_stride(p->first_cols);
    products->first = mmoe_alloc(&p->alloc, lookups, sizeof *products->first);
    if (!products->first) return mmoe_fail_memory(err, lookups * sizeof *products->first);
    for (size_t i = 0; i < lookups; i++) products->first[i] = -1;
    take_columns(products, input, most_bytes);
    if (!products->n_column) return MMOE_OK;
    const size_t ld = (size_t)products->ld, floats = (size_t)products->n_row * ld;
    products->p = mmoe_alloc_aligned(&p->alloc, floats + ld, sizeof *products->p);
    if (!products->p) return mmoe_fail_memory(err, (floats + ld) * sizeof *products->p);
    memset(products->p + floats, 0, ld * sizeof *products->p);
    return take_rows(p, input, err);
}

/* ---- Making ---- */

/* `rows` of a table, and where the products of the first of them go. */
typedef struct table_rows {
    const float *a; /* [rows, dim] */
    int32_t rows;
    float *to;
} table_rows;

static void fill_rows(const mmoe_program *p, const mmoe_serve_block *b, const mmoe_lookup *l,
                      const table_rows *r) {
    p->kernels->gemm(&(mmoe_packed_gemm){.rows = r->rows,
                                         .n = b->n,
                                         .k = b->k,
                                         .first = p->place[l->col],
                                         .count = l->dim,
                                         .a = r->a,
                                         .lda = l->dim,
                                         .packed = b->packed,
                                         .start = p->zeros,
                                         .c = r->to,
                                         .ldc = p->products.ld});
}

/* Rows that are no floats become some, a few at a time. */
static void fill_narrow(const mmoe_program *p, const mmoe_serve_block *b, const mmoe_lookup *l,
                        float *to) {
    const mmoe_vectors v = mmoe_table_vectors(&p->params->tables[l->table]);
    table_rows r = {p->products.rows, 0, to};
    for (int64_t first = 0; first < l->rows; first += r.rows) {
        const int64_t left = l->rows - first;
        r.rows = (int32_t)(left < MMOE_PRODUCT_ROWS ? left : MMOE_PRODUCT_ROWS);
        mmoe_vectors_read(&v, first, r.rows, p->products.rows);
        fill_rows(p, b, l, &r);
        r.to += (size_t)r.rows * (size_t)p->products.ld;
    }
}

void mmoe_products_fill(const mmoe_program *p, const mmoe_serve_block *b) {
    const mmoe_serve_products *products = &p->products;
    const mmoe_node *input = input_of(p);
    for (int32_t i = 0; i < input->u.input.n_lookup; i++) {
        const mmoe_lookup *l = &input->u.input.lookups[i];
        if (products->first[i] < 0) continue;
        float *to = products->p + (size_t)products->first[i] * (size_t)products->ld + b->first;
        if (p->params->tables[l->table].dtype != MMOE_F32)
            fill_narrow(p, b, l, to);
        else
            fill_rows(p, b, l,
                      &(table_rows){mmoe_params_rows(p->params, l->table), (int32_t)l->rows, to});
    }
}
