/* The first layer over distinct ids: what is chosen, and that it changes nothing but the order of
 * additions. */
#include <math.h>
#include <stdio.h>

#include "check_main.h"
#include "graph/distinct_parts.h"
#include "graph/run.h"
#include "train/trainer.h"

enum { ROWS = 128, SPARSE = 5, DENSE = 2, TASKS = 2 };

/* a and b share a table; few has few values, many has many; wide has both a padding row and a width
 * that fills no vector. */
static const char features[] =
    "{\"features\": {\"sparse\": ["
    "{\"name\": \"a\", \"vocab_size\": 3, \"embed_dim\": 8},"
    "{\"name\": \"many\", \"vocab_size\": 900, \"embed_dim\": 4},"
    "{\"name\": \"b\", \"shared_with\": \"a\"},"
    "{\"name\": \"few\", \"vocab_size\": 2, \"embed_dim\": 1},"
    "{\"name\": \"wide\", \"vocab_size\": 4, \"embed_dim\": 19, \"padding_idx\": 1}],"
    "\"dense\": [{\"name\": \"d*\"}]%s},"
    "\"tasks\": [{\"name\": \"x\", \"label\": \"x\"}, {\"name\": \"y\", \"label\": \"y\"}],"
    "\"model\": {%s}, \"trainer\": {\"batch_size\": 128, \"optimizer\": \"sgd\","
    "\"optimizer_params\": {\"lr\": 0.2, \"weight_decay\": 0}}}";
static const char *const columns[] = {"a", "many", "b", "few", "wide", "d0", "d1", "x", "y", "l"};

static const char *const models[] = {
    "\"n_expert\": 3",
    "\"name\": \"ple\", \"expert_params\": {\"dims\": [20]}",
    "\"name\": \"single_task\", \"expert_params\": {\"dims\": [150, 8]}",
    "\"name\": \"shared_bottom\"",
    "\"name\": \"aitm\"",
};
enum { MODELS = sizeof models / sizeof *models };

static mmoe_error err;
static mmoe_config *config;
static mmoe_schema *schema;
static mmoe_dataset *rows;
static int32_t ids[ROWS * SPARSE];
static float dense[ROWS * DENSE], labels[ROWS * TASKS];
static int64_t offsets[ROWS + 1];
static int32_t list_ids[4 * ROWS];

#define SUCCEEDS(call) ck_assert_msg((call) == MMOE_OK, "%s", err.message)

/* `list`: of a list's keys; NULL: there is none. */
static void set_up(const char *model, const char *list) {
    char json[2048], sequence[256] = "";
    static const int values[SPARSE] = {3, 900, 3, 2, 4};
    if (list)
        snprintf(sequence, sizeof sequence,
                 ", \"sequence\": [{\"name\": \"l\", \"shared_with\": \"few\"%s}]", list);
    snprintf(json, sizeof json, features, sequence, model);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, columns, list ? 10 : 9, NULL, &schema, &err));
    for (int b = 0; b < ROWS; b++) {
        for (int c = 0; c < SPARSE; c++) ids[b * SPARSE + c] = (b * 7 + b / 3 + c * c) % values[c];
        for (int c = 0; c < DENSE; c++) dense[b * DENSE + c] = (float)((b * 13 + c) % 11) / 5 - 1;
        for (int t = 0; t < TASKS; t++) labels[b * TASKS + t] = (float)((b * b + t) % 3 == 0);
        offsets[b + 1] = offsets[b] + b % 4;
        for (int64_t i = offsets[b]; i < offsets[b + 1]; i++)
            list_ids[i] = (int32_t)(b / 3 + i) % 2;
    }
    mmoe_batch batch = {ROWS, ids, SPARSE, dense, DENSE};
    if (list) batch.lists = (mmoe_lists){1, offsets, list_ids, NULL, (size_t)offsets[ROWS]};
    SUCCEEDS(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &rows, &err));
}

static void tear_down(void) {
    mmoe_dataset_free(rows);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
}

/* A model after a few steps, its trainer still there. */
static mmoe_trainer *train(const char *first_layer, int threads, int steps, mmoe_model **model) {
    mmoe_trainer *trainer;
    const mmoe_trainer_options options = {.threads = threads, .single_threaded_blas = 1};
    SUCCEEDS(mmoe_config_set(config, "model.first_layer", first_layer, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, model, &err));
    SUCCEEDS(mmoe_trainer_create(*model, &options, NULL, &trainer, &err));
    for (int s = 0; s < steps; s++)
        SUCCEEDS(mmoe_trainer_step(trainer, rows, s % 2 * 50, s % 2 ? 33 : ROWS, NULL, &err));
    return trainer;
}

/* The largest difference of two models' numbers. */
static double difference(const mmoe_model *a, const mmoe_model *b) {
    double largest = 0;
    for (int32_t k = 0; k < a->params.n_block; k++) {
        const mmoe_block *x = &a->params.blocks[k].memory, *y = &b->params.blocks[k].memory;
        const float *p = x->data, *q = y->data;
        for (int64_t i = 0; i < x->count && x->dtype == MMOE_F32; i++)
            if (fabs((double)p[i] - (double)q[i]) > largest)
                largest = fabs((double)p[i] - (double)q[i]);
    }
    return largest;
}

static int looked_up(const mmoe_trainer *t) {
    const mmoe_distinct *d = t->run->plan->distinct;
    return d ? d->n_column : 0;
}

/* A few steps in each way end at the same weights, some columns looked up, or all. */
START_TEST(steps_agree) {
    mmoe_model *plain, *some, *all, *start;
    set_up(models[_i], NULL);
    mmoe_trainer *none = train("dense", 1, 0, &start), *by_products = train("dense", 1, 4, &plain),
                 *mixed = train("auto", 2, 4, &some), *by_id = train("distinct", 1, 4, &all);
    ck_assert_int_eq(looked_up(by_products), 0);
    ck_assert_int_eq(looked_up(mixed), 3); /* a, b, wide */
    ck_assert_int_eq(looked_up(by_id), SPARSE);
    ck_assert_double_gt(difference(start, plain), 1e-2);
    ck_assert_double_le(difference(plain, some), 2e-5);
    ck_assert_double_le(difference(plain, all), 2e-5);
    mmoe_trainer *const trainers[] = {none, by_products, mixed, by_id};
    mmoe_model *const made[] = {start, plain, some, all};
    for (int i = 0; i < 4; i++) {
        mmoe_trainer_free(trainers[i]);
        mmoe_model_free(made[i]);
    }
    tear_down();
}
END_TEST

/* Lists of none, one or more elements are looked up where they add up; where they do not, their
 * table stays in the products with all of its columns. */
START_TEST(lists_agree) {
    static const char *const poolings[] = {"", ", \"pooling\": \"sum\"", ", \"pooling\": \"max\""};
    mmoe_model *plain, *all;
    set_up(models[0], poolings[_i]);
    mmoe_trainer *by_products = train("dense", 1, 4, &plain),
                 *by_id = train("distinct", 2, 4, &all);
    ck_assert_int_eq(looked_up(by_id), _i == 2 ? SPARSE - 1 : SPARSE + 1);
    ck_assert_double_le(difference(plain, all), 2e-5);
    mmoe_trainer_free(by_products);
    mmoe_trainer_free(by_id);
    mmoe_model_free(plain);
    mmoe_model_free(all);
    tear_down();
}
END_TEST

/* A model after a few steps of two columns, the last one of ids or of lists of one. */
static mmoe_model *train_ones(const char *pooling, int *columns_looked_up) {
    static const char *const names[] = {"a", "l", "x"};
    char json[1024], keys[64] = "";
    mmoe_model *model;
    if (pooling) snprintf(keys, sizeof keys, ", \"pooling\": \"%s\"", pooling);
    snprintf(json, sizeof json,
             "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 900}%s{\"name\": "
             "\"l\", \"vocab_size\": 3, \"embed_dim\": 8%s}]}, \"tasks\": [{\"name\": \"x\", "
             "\"label\": \"x\"}], \"trainer\": {\"batch_size\": 128}}",
             pooling ? "], \"sequence\": [" : ", ", keys);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, names, 3, NULL, &schema, &err));
    for (int b = 0; b < ROWS; b++) {
        ids[2 * b] = b * 7;
        ids[2 * b + 1] = list_ids[b] = b / 2 % 3;
        offsets[b + 1] = b + 1;
        labels[b] = (float)(b % 3 == 0);
    }
    mmoe_batch batch = {ROWS, ids, 2};
    if (pooling) batch.lists = (mmoe_lists){1, offsets, list_ids, NULL, ROWS};
    SUCCEEDS(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &rows, &err));
    mmoe_trainer *trainer = train("auto", 1, 4, &model);
    *columns_looked_up = looked_up(trainer);
    mmoe_trainer_free(trainer);
    tear_down();
    return model;
}

/* What is chosen of ids is chosen of lists of one that add up: not a bit differs. */
START_TEST(lists_of_one_are_ids) {
    int of_ids, of_lists;
    mmoe_model *with_ids = train_ones(NULL, &of_ids),
               *with_lists = train_ones(_i ? "sum" : "mean", &of_lists);
    ck_assert_int_eq(of_ids, 1);
    ck_assert_int_eq(of_lists, 1);
    ck_assert_double_le(difference(with_ids, with_lists), 0);
    mmoe_model_free(with_ids);
    mmoe_model_free(with_lists);
}
END_TEST

/* Who balances at what the tasks share asks for its gradient: where that is x, x is whole. */
START_TEST(a_probed_input_is_whole) {
    static const struct {
        const char *model;
        bool looks_up;
    } probed[] = {{"\"name\": \"single_task\"", false}, {"\"name\": \"mmoe\"", true}};
    mmoe_model *model;
    set_up(probed[_i].model, NULL);
    SUCCEEDS(mmoe_config_set(config, "trainer.adaptive_params.method", "gradnorm", &err));
    mmoe_trainer *trainer = train("distinct", 1, 2, &model);
    ck_assert_int_eq(trainer->run->plan->kind, MMOE_PLAN_PROBE);
    ck_assert_int_eq(looked_up(trainer), probed[_i].looks_up ? SPARSE : 0);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    tear_down();
}
END_TEST

/* In front of the barrier are the sums alone, which W's rows wait for, and the tables that are not
 * looked up; behind it all else. */
START_TEST(what_nobody_waits_for_comes_late) {
    mmoe_model *model;
    set_up("\"name\": \"mmoe\"", NULL);
    mmoe_trainer *trainer = train(_i ? "distinct" : "dense", 1, 1, &model);
    const mmoe_plan *p = trainer->run->plan;
    int32_t late = 0;
    for (int32_t i = 0; i < p->n_task; i++) {
        const mmoe_weight_task *t = &p->tasks[i];
        const bool waits =
            !p->distinct || t->node == 0 || (t->node == p->distinct->node && t->count);
        ck_assert_int_eq(i < p->n_early, waits);
        late += p->distinct && t->node != p->distinct->node && !waits;
    }
    ck_assert_int_eq(late > 0, _i);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    tear_down();
}
END_TEST

/* Writes over all that a step leaves in the memory of values and gradients. */
static void spoil(const mmoe_plan *p) {
    for (int32_t v = 0; v < 2 * p->graph->n_value; v++) {
        const mmoe_buffer *b = &(v % 2 ? p->grads : p->values)[v / 2];
        for (size_t i = 0; i < (size_t)p->room_rows * (size_t)b->ld; i++) b->base[i] = NAN;
    }
}

/* A model of narrow tables, of numbers and of a list, after a few steps of several chunks; `large`:
 * with half a megabyte of products; `spoils`: in memory that is spoilt before each. */
static mmoe_trainer *train_narrow(int threads, int width, bool large, bool spoils,
                                  mmoe_model **model) {
    enum { MANY = 640, IDS = 3 };
    static const char *const names[] = {"a", "b", "c", "l", "d", "x"};
    static int32_t some[MANY * IDS], elements[2 * MANY];
    static int64_t ends[MANY + 1];
    static float number[MANY], label[MANY];
    char json[1024];
    snprintf(
        json, sizeof json,
        "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": %d, \"embed_dim\": %d}, "
        "{\"name\": \"b\", \"vocab_size\": 5, \"embed_dim\": 3}, {\"name\": \"c\", "
        "\"shared_with\": \"a\"}], \"sequence\": [{\"name\": \"l\", \"shared_with\": \"b\"}], "
        "\"dense\": [{\"name\": \"d\"}]}, \"tasks\": [{\"name\": \"x\", \"label\": \"x\"}], "
        "\"trainer\": {\"batch_size\": 640}}",
        large ? 250 : 9, width);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_config_set(config, "model.first_layer", "distinct", &err));
    SUCCEEDS(mmoe_config_set(config, "model.n_expert", large ? "16" : "8", &err));
    SUCCEEDS(mmoe_schema_create(config, names, 6, NULL, &schema, &err));
    for (int b = 0; b < MANY; b++) {
        for (int c = 0; c < IDS; c++)
            some[b * IDS + c] = (b * 7 + b / 3 + c * c) % (c == 1 ? 5 : 9);
        ends[b + 1] = ends[b] + b % 3;
        for (int64_t i = ends[b]; i < ends[b + 1]; i++) elements[i] = (int32_t)(b / 2 + i) % 5;
        number[b] = (float)(b % 11) / 5 - 1;
        label[b] = (float)(b * b % 3 == 0);
    }
    const mmoe_batch batch = {MANY,   some, IDS,
                              number, 1,    .lists = {1, ends, elements, NULL, (size_t)ends[MANY]}};
    const mmoe_trainer_options options = {.threads = threads, .single_threaded_blas = 1};
    mmoe_trainer *trainer;
    SUCCEEDS(mmoe_dataset_create(schema, &batch, label, NULL, NULL, &rows, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, model, &err));
    SUCCEEDS(mmoe_trainer_create(*model, &options, NULL, &trainer, &err));
    for (int s = 0; s < 4; s++) {
        if (spoils) spoil(trainer->run->plan);
        SUCCEEDS(mmoe_trainer_step(trainer, rows, 0, MANY, NULL, &err));
    }
    tear_down();
    return trainer;
}

/* Two workers have products of narrow tables each, which are the same, and change no bit. */
START_TEST(two_workers_have_products_each) {
    static const int threads[] = {1, 2, 3, 2}, width[] = {4, 4, 4, 5}, copies[] = {1, 2, 1, 1};
    mmoe_model *model[4];
    for (int i = 0; i < 4; i++) {
        mmoe_trainer *trainer = train_narrow(threads[i], width[i], false, false, &model[i]);
        const mmoe_plan *p = trainer->run->plan;
        const mmoe_distinct_state *own = mmoe_distinct_own(p);
        const mmoe_slab *first = mmoe_distinct_slabs(own, 0), *last = mmoe_distinct_slabs(own, 1);
        const size_t packed =
            p->kernels->packed_size(first->cols, mmoe_distinct_block(p)->in.cols) * sizeof(float);
        ck_assert_int_eq(p->distinct->n_column, 4);
        ck_assert_int_eq(own->copies, copies[i]);
        ck_assert_int_eq(first != last, copies[i] == 2);
        ck_assert_mem_eq(first->forward, last->forward, packed);
        ck_assert_mem_eq(first->p, last->p,
                         (size_t)p->distinct->n_row * MMOE_SLAB * sizeof *first->p);
        mmoe_trainer_free(trainer);
        if (i < 3) ck_assert_double_le(difference(model[0], model[i]), 0);
    }
    for (int i = 0; i < 4; i++) mmoe_model_free(model[i]);
}
END_TEST

/* Whether all of a slab's products lie in the memory of a gradient. */
static bool is_in_gradient(const mmoe_plan *p, const mmoe_slab *s) {
    const float *end = s->p + (size_t)p->distinct->n_row * MMOE_SLAB;
    bool found = false;
    for (int32_t v = 0; v < p->graph->n_value; v++) {
        const mmoe_buffer *b = &p->grads[v];
        found |= s->forward >= b->base && end <= b->base + (size_t)p->room_rows * (size_t)b->ld;
    }
    return found;
}

/* Many products of one worker lie where a gradient comes later, and all of them is made anew each
 * step: what was left there changes no bit. */
START_TEST(products_lie_where_a_gradient_comes) {
    mmoe_model *model[3];
    for (int i = 0; i < 3; i++) {
        mmoe_trainer *trainer = train_narrow(i < 2 ? 1 : 3, 4, true, i > 0, &model[i]);
        const mmoe_plan *p = trainer->run->plan;
        const mmoe_slab *slab = mmoe_distinct_slabs(mmoe_distinct_own(p), 0);
        ck_assert_int_eq(is_in_gradient(p, slab), i < 2);
        mmoe_trainer_free(trainer);
        const mmoe_params *a = &model[0]->params, *b = &model[i]->params;
        for (int32_t k = 0; k < a->n_block; k++) {
            const mmoe_block *x = &a->blocks[k].memory, *y = &b->blocks[k].memory;
            if (x->dtype == MMOE_F32)
                ck_assert_mem_eq(x->data, y->data, (size_t)x->count * sizeof(float));
        }
    }
    for (int i = 0; i < 3; i++) mmoe_model_free(model[i]);
}
END_TEST

/* A padding row has no gradient, whoever adds it up. */
START_TEST(padding_stays) {
    mmoe_model *model;
    set_up(models[0], NULL);
    mmoe_trainer *trainer = train("distinct", 1, 3, &model);
    const mmoe_tensor *t =
        mmoe_tensors_find(&model->graph->tensors, "embedding.embed_dict.wide.weight");
    ck_assert_ptr_nonnull(t);
    const float *table = mmoe_params_at(&model->params, t);
    for (int c = 0; c < 19; c++) {
        ck_assert_float_eq(table[19 + c], 0);
        ck_assert_float_ne(table[c], 0);
    }
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    tear_down();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, steps_agree, 0, MODELS);
    tcase_add_loop_test(c, lists_agree, 0, 3);
    tcase_add_loop_test(c, lists_of_one_are_ids, 0, 2);
    tcase_add_loop_test(c, a_probed_input_is_whole, 0, 2);
    tcase_add_loop_test(c, what_nobody_waits_for_comes_late, 0, 2);
    tcase_add_test(c, two_workers_have_products_each);
    tcase_add_test(c, products_lie_where_a_gradient_comes);
    tcase_add_test(c, padding_stays);
}
