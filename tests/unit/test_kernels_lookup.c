/* Rows that are looked up and added, and the sums by what was looked up, of every instruction set,
 * against plain loops in double; and products of a matrix that is taken across. */
#include "check_main.h"
#include "kernels_support.h"

enum { MOST_COLS = 170, TABLE = 7, MOST_COUNT = 5, FIRST = 1000 };

static const int32_t some_rows[] = {1, 2, 9, 33};

static void draw_ids(int32_t *at, int32_t count) {
    for (int32_t i = 0; i < count; i++) at[i] = draw_below(TABLE);
}

/* ---- Adding ---- */

typedef struct lookup {
    matrix p, start, z;
    int32_t *at, count, ldat;
} lookup;

static mmoe_lookup_args args_of(const lookup *l, int32_t first, int32_t count) {
    return (mmoe_lookup_args){.rows = l->z.rows,
                              .cols = l->z.cols,
                              .count = count,
                              .at = l->at + first,
                              .ldat = l->ldat,
                              .p = l->p.at,
                              .ldp = l->p.ld,
                              .start = l->start.at,
                              .ldstart = l->start.ld,
                              .z = l->z.at,
                              .ldz = l->z.ld};
}

static void check_sums(const lookup *l, const float *floor) {
    for (int32_t b = 0; b < l->z.rows; b++)
        for (int32_t c = 0; c < l->z.cols; c++) {
            double sum = *matrix_cell(&l->start, b, c), size = fabs(sum);
            for (int32_t i = 0; i < l->count; i++) {
                const double x = *matrix_cell(&l->p, l->at[b * l->ldat + i], c);
                sum += x;
                size += fabs(x);
            }
            if (floor && sum < (double)floor[c]) sum = (double)floor[c];
            check_near("sum", *matrix_cell(&l->z, b, c), sum, (l->count + 1) * U * size);
        }
    check_gaps(&l->z);
}

static void check_lookup(const mmoe_kernels *k, int32_t rows, int32_t cols) {
    lookup l = {matrix_drawn(TABLE, cols, some_stride(cols), -1, 1),
                matrix_drawn(rows, cols, some_stride(cols), -1, 1),
                matrix_new(rows, cols, some_stride(cols)),
                NULL,
                1 + draw_below(MOST_COUNT),
                0};
    matrix floor = matrix_drawn(1, cols, cols, -1, 1), whole;
    int32_t at[33 * (MOST_COUNT + 2)];
    l.ldat = l.count + draw_below(3);
    l.at = at;
    draw_ids(at, rows * l.ldat);
    mmoe_lookup_args a = args_of(&l, 0, l.count);
    k->lookup_add(&a);
    check_sums(&l, NULL);
    whole = matrix_copy(&l.z);
    const int32_t some = draw_below(l.count + 1);
    mmoe_lookup_args piece = args_of(&l, 0, some), rest = args_of(&l, some, l.count - some);
    k->lookup_add(&piece);
    rest.start = l.z.at;
    rest.ldstart = l.z.ld;
    k->lookup_add(&rest);
    check_same_bits(&l.z, &whole); /* in pieces */
    for (int32_t b = 0; b < rows; b++) {
        mmoe_lookup_args one = args_of(&l, b * l.ldat, l.count);
        one.rows = 1;
        one.start = matrix_cell(&l.start, b, 0);
        one.z = matrix_cell(&l.z, b, 0);
        k->lookup_add(&one);
    }
    check_same_bits(&l.z, &whole); /* row by row */
    a.floor = floor.at;
    k->lookup_add(&a);
    check_sums(&l, floor.at);
    free(l.p.at);
    free(l.start.at);
    free(l.z.at);
    free(floor.at);
    free(whole.at);
}

START_TEST(lookups) {
    for (int32_t cols = 1; cols <= MOST_COLS; cols++)
        for (int r = 0; r < 4; r++) check_lookup(table_at(_i), some_rows[r], cols);
    check_lookup(table_at(_i), 17, 400);
}
END_TEST

START_TEST(nan_stays) {
    float p = NAN, start = 1, floor = 0, z = 0;
    const int32_t at = 0;
    table_at(_i)->lookup_add(&(mmoe_lookup_args){1, 1, 1, &at, 1, &p, 1, &start, 1, &floor, &z, 1});
    REQUIRE(isnan(z), "%g", (double)z);
}
END_TEST

/* ---- Spreading ---- */

static void check_spread(const mmoe_kernels *k, int32_t rows, int32_t cols) {
    matrix z = matrix_drawn(rows, cols, some_stride(cols), -1, 1), read = matrix_copy(&z),
           sums = matrix_drawn(TABLE, cols, some_stride(cols), -1, 1), before = matrix_copy(&sums);
    int32_t at[33 * (MOST_COUNT + 2)];
    const int32_t count = 1 + draw_below(MOST_COUNT), ldat = count + draw_below(3);
    draw_ids(at, rows * ldat);
    for (int32_t i = 0; i < rows * ldat; i++) at[i] += FIRST;
    k->lookup_spread(
        &(mmoe_spread_args){rows, cols, count, at, ldat, FIRST, z.at, z.ld, sums.at, sums.ld});
    for (int32_t r = 0; r < TABLE; r++)
        for (int32_t c = 0; c < cols; c++) {
            double sum = *matrix_cell(&before, r, c), size = fabs(sum);
            int32_t terms = 1;
            for (int32_t b = 0; b < rows; b++)
                for (int32_t i = 0; i < count; i++)
                    if (at[b * ldat + i] == FIRST + r) {
                        sum += (double)*matrix_cell(&z, b, c);
                        size += fabs((double)*matrix_cell(&z, b, c));
                        terms++;
                    }
            check_near("sum", *matrix_cell(&sums, r, c), sum, terms * U * size);
        }
    check_gaps(&sums);
    check_same_bits(&z, &read);
    free(z.at);
    free(read.at);
    free(sums.at);
    free(before.at);
}

START_TEST(spreads) {
    for (int32_t cols = 1; cols <= MOST_COLS; cols++)
        for (int r = 0; r < 4; r++) check_spread(table_at(_i), some_rows[r], cols);
    check_spread(table_at(_i), 17, 400);
}
END_TEST

/* ---- Bags ---- */

static void check_bag(const mmoe_kernels *k, int32_t cols, int weighted) {
    matrix p = matrix_drawn(TABLE, cols, some_stride(cols), -1, 1), before = matrix_copy(&p),
           z = matrix_drawn(1, cols, cols, -1, 1), start = matrix_copy(&z),
           weights = matrix_drawn(1, MOST_COUNT, MOST_COUNT, 0, 1);
    int32_t at[MOST_COUNT];
    draw_ids(at, MOST_COUNT);
    const mmoe_bag_args a = {.cols = cols,
                             .count = MOST_COUNT,
                             .at = at,
                             .weights = weighted ? weights.at : NULL,
                             .total = 2,
                             .p = p.at,
                             .ldp = p.ld,
                             .z = z.at};
    k->bag_add(&a);
    for (int32_t c = 0; c < cols; c++) {
        double sum = (double)start.at[c];
        for (int i = 0; i < MOST_COUNT; i++)
            sum +=
                0.5 * (weighted ? (double)weights.at[i] : 1) * (double)*matrix_cell(&p, at[i], c);
        check_near("bag", z.at[c], sum, 8 * MOST_COUNT * U);
    }
    k->bag_spread(&a);
    for (int32_t r = 0; r < TABLE; r++)
        for (int32_t c = 0; c < cols; c++) {
            double sum = (double)*matrix_cell(&before, r, c);
            for (int i = 0; i < MOST_COUNT; i++)
                if (at[i] == r)
                    sum += 0.5 * (weighted ? (double)weights.at[i] : 1) * (double)z.at[c];
            check_near("share", *matrix_cell(&p, r, c), sum, 16 * MOST_COUNT * U);
        }
    check_gaps(&p);
    free(p.at);
    free(before.at);
    free(z.at);
    free(start.at);
    free(weights.at);
}

START_TEST(bags) {
    for (int32_t cols = 1; cols <= MOST_COLS; cols++) check_bag(table_at(_i), cols, cols % 2);
}
END_TEST

/* ---- Across ---- */

/* A taken across gives the bits of its transpose. */
static void check_across(const mmoe_kernels *t, int32_t rows, int32_t n, int32_t k) {
    matrix a = matrix_drawn(rows, k, some_stride(k), -1, 1),
           across = matrix_new(k, rows, some_stride(rows)), b = matrix_drawn(k, n, n, -1, 1),
           c = matrix_new(rows, n, n), d = matrix_new(rows, n, n),
           start = matrix_drawn(1, n, n, -1, 1);
    const size_t count = t->packed_size(n, k);
    float *packed = aligned_alloc(64, (count * sizeof *packed / 64 + 1) * 64);
    REQUIRE(packed, "out of memory");
    for (int32_t r = 0; r < rows; r++)
        for (int32_t i = 0; i < k; i++) *matrix_cell(&across, i, r) = *matrix_cell(&a, r, i);
    t->pack_rows(n, k, b.at, n, packed);
    mmoe_packed_gemm g = {
        .rows = rows, .n = n, .k = k, .count = k, .packed = packed, .start = start.at, .ldc = n};
    g.a = a.at;
    g.lda = a.ld;
    g.c = c.at;
    t->gemm(&g);
    g.across = true;
    g.a = across.at;
    g.lda = across.ld;
    g.c = d.at;
    t->gemm(&g);
    check_same_bits(&c, &d);
    free(packed);
    free(a.at);
    free(across.at);
    free(b.at);
    free(c.at);
    free(d.at);
    free(start.at);
}

START_TEST(across) {
    for (int32_t n = 1; n <= 50; n += 7)
        for (int32_t rows = 1; rows <= 30; rows += 5) {
            check_across(table_at(_i), rows, n, 1 + draw_below(40));
            check_across(table_at(_i), rows, n, 300);
        }
}
END_TEST

/* ---- Narrow rows ---- */

/* All bits that a bfloat16 can have, and all integers. */
static void fill_narrow(uint16_t *halves, int8_t *integers, float *scales, int32_t cols) {
    for (int32_t i = 0; i < TABLE * cols; i++) {
        halves[i] = (uint16_t)draw_bits();
        integers[i] = (int8_t)draw_bits();
    }
    for (int32_t r = 0; r < TABLE; r++) scales[r] = draw(0, 3);
}

static void check_widened(const mmoe_widen_args *a, const matrix *x, bool is_int8) {
    for (int32_t b = 0; b < a->rows; b++)
        for (int32_t c = 0; c < a->cols; c++) {
            const int32_t at = a->at[b * (int32_t)a->ldat] * a->cols + c;
            const uint32_t half = is_int8 ? 0 : (uint32_t)((const uint16_t *)a->p)[at] << 16;
            float want;
            memcpy(&want, &half, sizeof want);
            if (is_int8) want = a->scales[at / a->cols] * (float)((const int8_t *)a->p)[at];
            REQUIRE(memcmp(matrix_cell(x, b, c), &want, sizeof want) == 0,
                    "row %d, column %d of %d: %a, not %a", b, c, a->cols,
                    (double)*matrix_cell(x, b, c), (double)want);
        }
    check_gaps(x);
}

START_TEST(widened) {
    uint16_t halves[TABLE * MOST_COLS];
    int8_t integers[TABLE * MOST_COLS];
    float scales[TABLE];
    int32_t at[33 * 3];
    draw_ids(at, 33 * 3);
    for (int32_t cols = 1; cols <= MOST_COLS; cols++)
        for (int32_t i = 0; i < 4; i++) {
            matrix x = matrix_new(some_rows[i], cols, some_stride(cols));
            mmoe_widen_args a = {.rows = x.rows,
                                 .cols = cols,
                                 .at = at,
                                 .ldat = 1 + (size_t)i % 3,
                                 .p = halves,
                                 .scales = scales,
                                 .x = x.at,
                                 .ldx = (size_t)x.ld};
            fill_narrow(halves, integers, scales, cols);
            table_at(_i)->widen_bf16(&a);
            check_widened(&a, &x, false);
            a.p = integers;
            table_at(_i)->widen_int8(&a);
            check_widened(&a, &x, true);
            free(x.at);
        }
}
END_TEST

/* ---- The largest of each column ---- */

START_TEST(largest_ids_are_found) {
    int32_t ids[7 * 40], most[40], wanted[40];
    for (size_t width = 0; width <= 40; width++) {
        for (size_t i = 0; i < 7 * 40; i++) ids[i] = draw_below(1 << 24);
        for (size_t c = 0; c < 40; c++) wanted[c] = most[c] = draw_below(1 << 24);
        table_at(_i)->raise_most(most, ids, width, 7);
        for (size_t i = 0; i < 7 * width; i++)
            if (ids[i] > wanted[i % width]) wanted[i % width] = ids[i];
        ck_assert_mem_eq(most, wanted, sizeof most);
    }
}
END_TEST

void add_cases(TCase *c) {
    const int tables = table_count();
    tcase_add_loop_test(c, lookups, 0, tables);
    tcase_add_loop_test(c, nan_stays, 0, tables);
    tcase_add_loop_test(c, spreads, 0, tables);
    tcase_add_loop_test(c, bags, 0, tables);
    tcase_add_loop_test(c, across, 0, tables);
    tcase_add_loop_test(c, widened, 0, tables);
    tcase_add_loop_test(c, largest_ids_are_found, 0, tables);
}
