/* What models begin with: the bounds and moments of every initialisation, and that experts begin
 * apart. */
#include "check_main.h"
#include "model/model.h"
#include "training_support.h"

enum { WIDE = 300 };

static const char *const words[] = {"pytorch",    "xavier_uniform", "xavier_normal",
                                    "he_uniform", "he_normal",      "orthogonal"};
static const char *const table_words[] = {"normal", "uniform", "xavier_uniform", "xavier_normal"};

static void set_up_init(const char *init, int dims) {
    char keys[256];
    snprintf(
        keys, sizeof keys,
        ", \"init\": \"%s\", \"expert_params\": {\"dims\": [%d, 40], \"activation\": \"prelu\"}",
        init, dims);
    set_up("", keys, "");
}

/* Mean, variance and bounds of n draws, the moments within five of their standard errors. */
static void check_draws(const char *what, const float *x, size_t n, double bound,
                        double deviation) {
    double sum = 0, square = 0, most = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i];
        square += (double)x[i] * (double)x[i];
        most = fmax(most, fabs((double)x[i]));
    }
    const double root = sqrt((double)n),
                 variance = bound > 0 ? bound * bound / 3 : deviation * deviation;
    const double fourth = bound > 0 ? pow(bound, 4) / 5 : 3 * variance * variance;
    ck_assert_msg(fabs(sum / (double)n) < 5 * sqrt(variance) / root, "%s: mean %g", what,
                  sum / (double)n);
    ck_assert_msg(fabs(square / (double)n - variance) <
                      5 * sqrt(fourth - variance * variance) / root,
                  "%s: variance %g, want %g", what, square / (double)n, variance);
    if (bound > 0)
        ck_assert_msg(most < bound && most > bound * (1 - 20 / (double)n),
                      "%s: %g is no uniform bound of %g", what, most, bound);
    else
        ck_assert_msg(most > 2.5 * deviation && most < 7 * deviation, "%s: %g", what, most);
}

static void check_constant(const mmoe_model *model, const char *name, float want) {
    const mmoe_tensor_info info = tensor_named(model, name);
    for (size_t i = 0; i < count_of(&info); i++)
        ck_assert_msg(((const float *)info.data)[i] == want, "%s", name);
}

/* Vectors of `length`, `count` of them, `step` apart, their elements `stride` apart. */
static void check_orthonormal(const float *x, int count, int length, int step, int stride) {
    for (int a = 0; a < count; a++)
        for (int b = 0; b <= a; b++) {
            double dot = 0;
            for (int i = 0; i < length; i++)
                dot += (double)x[a * step + i * stride] * (double)x[b * step + i * stride];
            ck_assert_msg(fabs(dot - (a == b)) < 1e-6, "%d, %d: %g", a, b, dot);
        }
}

/* Every Linear: [300, 9], wider than its input, and [40, 300]. */
START_TEST(layers_have_their_moments) {
    set_up_init(words[_i], WIDE);
    mmoe_model *model = new_model();
    const char *const names[] = {"experts.0.mlp.0.weight", "experts.2.mlp.4.weight"};
    for (int k = 0; k < 2; k++) {
        const mmoe_tensor_info info = tensor_named(model, names[k]);
        const float *x = info.data;
        const size_t n = count_of(&info);
        const int out = (int)info.shape[0], in = (int)info.shape[1];
        switch (_i) {
        case 0:
            check_draws(words[_i], x, n, 1 / sqrt(in), 0);
            break;
        case 1:
            check_draws(words[_i], x, n, sqrt(6.0 / (in + out)), 0);
            break;
        case 2:
            check_draws(words[_i], x, n, 0, sqrt(2.0 / (in + out)));
            break;
        case 3:
            check_draws(words[_i], x, n, sqrt(6.0 / in), 0);
            break;
        case 4:
            check_draws(words[_i], x, n, 0, sqrt(2.0 / in));
            break;
        default:
            if (out <= in)
                check_orthonormal(x, out, in, in, 1);
            else
                check_orthonormal(x, in, out, 1, in);
        }
    }
    if (_i == 0) {
        check_draws("bias", values_of(model, "experts.0.mlp.0.bias"), WIDE, 1.0 / 3, 0);
    } else {
        const char *const biases[] = {"experts.1.mlp.0.bias", "gates.1.mlp.0.bias",
                                      "towers.0.mlp.0.bias", "towers.1.mlp.8.bias"};
        for (int k = 0; k < 4; k++) check_constant(model, biases[k], 0);
    }
    check_constant(model, "experts.1.mlp.1.weight", 1); /* what is not Linear begins as always */
    check_constant(model, "experts.1.mlp.1.bias", 0);
    check_constant(model, "experts.1.mlp.1.running_var", 1);
    check_constant(model, "experts.1.mlp.2.weight", 0.25F);
    mmoe_model_free(model);
    tear_down();
}
END_TEST

/* A table [9000, 5] of each word. */
START_TEST(embeddings_have_their_moments) {
    static const char *const columns[] = {"a"};
    char json[512];
    const double bounds[] = {0, 0.02, sqrt(6.0 / 9005), 0}, bound = bounds[_i];
    const double deviation = _i == 3 ? sqrt(2.0 / 9005) : 0.02;
    snprintf(json, sizeof json,
             "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 9000, \"embed_dim\": "
             "5}]}, \"tasks\": [{\"name\": \"y\", \"label\": \"y\"}],"
             " \"model\": {\"embedding_init\": \"%s\"%s}}",
             table_words[_i], _i < 2 ? ", \"embedding_init_scale\": 0.02" : "");
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, columns, 1, NULL, &schema, &err));
    mmoe_model *model = new_model();
    check_draws(table_words[_i], values_of(model, "embedding.embed_dict.a.weight"), 45000, bound,
                deviation);
    mmoe_model_free(model);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
}
END_TEST

/* What version 0.1 began with, to the bit (but for the logarithms of the embeddings, which are the
 * C library's). */
START_TEST(the_default_is_as_it_was) {
    static const float embeddings[] = {-0.000121289821F, -0.000104859013F, -6.31491639e-05F,
                                       -3.05479225e-05F};
    set_up("", "", "");
    mmoe_model *model = new_model();
    mmoe_tensor_info info;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; mmoe_model_tensor(model, i, &info) == 0; i++) {
        const unsigned char *bytes = info.data;
        if (strncmp(info.name, "embedding.", 10) == 0) continue;
        for (size_t k = 0; k < count_of(&info) * (info.is_integer ? 8 : 4); k++)
            hash = (hash ^ bytes[k]) * 0x100000001b3u;
    }
    ck_assert_msg(hash == 0x1e65b3fbbf72c833u, "0x%llx", (unsigned long long)hash);
    const float *table = values_of(model, "embedding.embed_dict.b.weight");
    for (int i = 0; i < 4; i++)
        ck_assert_msg(fabsf(table[i] - embeddings[i]) < 1e-11F, "%.9g", (double)table[i]);
    mmoe_model_free(model);
    tear_down();
}
END_TEST

static double a_third(double mean) { return mean / 3; }

/* Whether all tensors are those of `drawn`, but for the second task's head where it is `bias`. */
static void check_head(const mmoe_model *model, const mmoe_model *drawn, const float *bias) {
    static const char head[] = "towers.1.mlp.8.bias";
    mmoe_tensor_info info, want;
    for (size_t i = 0; mmoe_model_tensor(model, i, &info) == 0; i++) {
        ck_assert_int_eq(mmoe_model_tensor(drawn, i, &want), 0);
        if (!bias || strcmp(info.name, head) != 0)
            ck_assert_mem_eq(info.data, want.data, count_of(&info) * (info.is_integer ? 8 : 4));
    }
    if (bias) check_constant(model, head, *bias);
}

/* The head of a kind of loss that says so begins with what it makes of the labels' mean. */
START_TEST(heads_begin_with_the_mean_of_the_labels) {
    const float bias = 2.5F;
    set_up("", "", "");
    mmoe_model *model = new_model(), *drawn = new_model();
    mmoe_loss_kind kind = *mmoe_graph_losses(model->graph)->kinds[1];
    kind.draws_bias = false;
    mmoe_label_column *label = &model->schema->labels[1];
    kind.bias = a_third;
    mmoe_graph_losses(model->graph)->kinds[1] = &kind;
    label->mean = 7.5;
    SUCCEEDS(mmoe_model_draw(model, &err));
    check_head(model, drawn, NULL); /* no file has told the mean */
    label->has_mean = true;
    label->mean = -(double)INFINITY;
    SUCCEEDS(mmoe_model_draw(model, &err));
    check_head(model, drawn, NULL);
    label->mean = 7.5;
    kind.draws_bias = true; /* unless it is asked for */
    SUCCEEDS(mmoe_model_draw(model, &err));
    check_head(model, drawn, NULL);
    kind.draws_bias = false;
    model->config->init_bias = MMOE_BIAS_TORCH;
    SUCCEEDS(mmoe_model_draw(model, &err));
    check_head(model, drawn, NULL);
    model->config->init_bias = MMOE_BIAS_BY_TYPE;
    SUCCEEDS(mmoe_model_draw(model, &err));
    check_head(model, drawn, &bias);
    SUCCEEDS(mmoe_config_set(config, "model.init_bias", "labels", &err));
    mmoe_model *asked = new_model();
    kind.draws_bias = true;
    mmoe_graph_losses(asked->graph)->kinds[1] = &kind;
    asked->schema->labels[1].has_mean = true;
    asked->schema->labels[1].mean = 7.5;
    SUCCEEDS(mmoe_model_draw(asked, &err));
    check_head(asked, drawn, &bias);
    mmoe_model_free(asked);
    mmoe_model_free(model);
    mmoe_model_free(drawn);
    tear_down();
}
END_TEST

/* By default a regression's head begins with the mean, a classification's as torch has it. */
START_TEST(what_types_begin_with) {
    const mmoe_loss_kind *classes = mmoe_loss_kind_of(MMOE_CLASSIFICATION),
                         *numbers = mmoe_loss_kind_of(MMOE_REGRESSION);
    ck_assert(classes->draws_bias && !numbers->draws_bias);
    ck_assert(numbers->bias(-713.25) == -713.25);
    ck_assert_double_eq_tol(classes->bias(0.02), log(0.02 / 0.98), 1e-12);
    ck_assert(classes->bias(0.5) == 0);
    ck_assert(isinf(classes->bias(0)) && isinf(classes->bias(1)));
}
END_TEST

/* A tensor's numbers depend on seed, name and shape: those of expert 0 are the same beside any
 * number of others. */
START_TEST(a_draw_depends_on_its_name) {
    set_up_init(words[_i], 8);
    mmoe_model *few = new_model();
    SUCCEEDS(mmoe_config_set(config, "model.n_expert", "7", &err));
    mmoe_model *many = new_model();
    const char *const names[] = {"experts.0.mlp.0.weight", "experts.2.mlp.4.weight",
                                 "towers.1.mlp.0.weight", "embedding.embed_dict.b.weight"};
    for (int k = 0; k < 4; k++) {
        const mmoe_tensor_info info = tensor_named(few, names[k]);
        ck_assert_mem_eq(info.data, values_of(many, names[k]), count_of(&info) * sizeof(float));
    }
    SUCCEEDS(mmoe_config_set(config, "trainer.seed", "1", &err));
    mmoe_model *other = new_model();
    const mmoe_tensor_info info = tensor_named(few, names[0]);
    ck_assert_mem_ne(info.data, values_of(other, names[0]), count_of(&info) * sizeof(float));
    mmoe_model_free(few);
    mmoe_model_free(many);
    mmoe_model_free(other);
    tear_down();
}
END_TEST

/* ---- The symmetry of experts ---- */

enum { EXPERTS = 3 };
static const char *const parts[] = {"0.weight", "0.bias",         "1.weight",
                                    "1.bias",   "1.running_mean", "1.running_var"};

static float *part_of(const mmoe_model *model, int expert, int layer, int part, size_t *count) {
    char name[64];
    snprintf(name, sizeof name, "experts.%d.mlp.%d.%s", expert, 4 * layer + parts[part][0] - '0',
             parts[part] + 2);
    const mmoe_tensor_info info = tensor_named(model, name);
    *count = count_of(&info);
    return values_of(model, name);
}

/* Puts expert (and gate row) `from[e]` of one model in the place of expert e of another. */
static void permute(mmoe_model *to, const mmoe_model *of, const int from[EXPERTS]) {
    static const char *const gate_parts[] = {"0.weight", "0.bias",         "1.weight",
                                             "1.bias",   "1.running_mean", "1.running_var"};
    size_t n;
    for (int e = 0; e < EXPERTS; e++)
        for (int layer = 0; layer < 2; layer++)
            for (int part = 0; part < 6; part++) {
                const float *source = part_of(of, from[e], layer, part, &n);
                memcpy(part_of(to, e, layer, part, &n), source, n * sizeof(float));
            }
    for (int t = 0; t < TASKS; t++)
        for (int part = 0; part < 6; part++) {
            char name[64];
            snprintf(name, sizeof name, "gates.%d.mlp.%s", t, gate_parts[part]);
            const mmoe_tensor_info info = tensor_named(of, name);
            n = count_of(&info) / EXPERTS;
            for (int e = 0; e < EXPERTS; e++)
                memcpy(values_of(to, name) + (size_t)e * n,
                       (const float *)info.data + (size_t)from[e] * n, n * sizeof(float));
        }
}

static void predict(const mmoe_model *model, float *scores) {
    mmoe_predictor *p;
    SUCCEEDS(mmoe_predictor_create(model, NULL, &p, &err));
    SUCCEEDS(mmoe_predictor_run(p, &batch, scores, &err));
    mmoe_predictor_free(p);
}

static void train(mmoe_model *model, int steps) {
    mmoe_trainer *trainer = new_trainer(model, 2);
    for (int i = 0; i < steps; i++)
        SUCCEEDS(mmoe_trainer_step(trainer, rows, i % 7 * BATCH, BATCH, NULL, &err));
    mmoe_trainer_free(trainer);
}

/* (gcc 12 for aarch64 fails on loops of fmax.) */
static double largest_difference(const float *x, const float *y, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        const double apart = fabs((double)x[i] - (double)y[i]);
        if (apart > most) most = apart;
    }
    return most;
}

/* The largest difference between two experts' weights. */
static double distance(const mmoe_model *model, int a, int b) {
    double most = 0;
    for (int layer = 0; layer < 2; layer++)
        for (int part = 0; part < 4; part++) {
            size_t n;
            const float *x = part_of(model, a, layer, part, &n),
                        *y = part_of(model, b, layer, part, &n);
            most = fmax(most, largest_difference(x, y, n));
        }
    return most;
}

START_TEST(no_two_experts_begin_equal) {
    set_up_init(words[_i], 8);
    mmoe_model *model = new_model();
    for (int a = 0; a < EXPERTS; a++)
        for (int b = 0; b < a; b++) {
            size_t n;
            const float *x = part_of(model, a, 0, 0, &n), *y = part_of(model, b, 0, 0, &n);
            size_t same = 0;
            for (size_t i = 0; i < n; i++) same += x[i] == y[i];
            ck_assert_uint_eq(same, 0);
        }
    train(model, 20);
    for (int a = 0; a < EXPERTS; a++)
        for (int b = 0; b < a; b++) ck_assert_double_gt(distance(model, a, b), 0.1);
    mmoe_model_free(model);
    tear_down();
}
END_TEST

/* An expert has no place of its own: it is what its weights and its row of the gates are. */
START_TEST(permuted_experts_predict_the_same) {
    static const int order[EXPERTS] = {2, 0, 1};
    static float want[ROWS * TASKS], got[ROWS * TASKS];
    set_up("", ", \"init\": \"he_normal\"", ", \"optimizer_params\": {\"lr\": 0.01}");
    mmoe_model *model = new_model();
    train(model, 20);
    mmoe_model *other = new_model();
    train(other, 1);
    permute(other, model,
            (const int[]){0, 1, 2}); /* the towers and tables are another's: nothing is equal yet */
    mmoe_tensor_info info;
    for (size_t i = 0; mmoe_model_tensor(model, i, &info) == 0; i++)
        if (strncmp(info.name, "experts.", 8) != 0 && strncmp(info.name, "gates.", 6) != 0 &&
            !info.is_integer)
            memcpy(values_of(other, info.name), info.data, count_of(&info) * sizeof(float));
    predict(model, want);
    predict(other, got);
    ck_assert_mem_eq(got, want, sizeof got);
    permute(other, model, order);
    predict(other, got);
    ck_assert_mem_ne(got, want, sizeof got); /* sums run in another order */
    for (int i = 0; i < ROWS * TASKS; i++)
        ck_assert_msg(fabsf(got[i] - want[i]) < 1e-6F, "%d: %.9g, want %.9g", i, (double)got[i],
                      (double)want[i]);
    mmoe_model_free(model);
    mmoe_model_free(other);
    tear_down();
}
END_TEST

/* Why the start must break the symmetry: training does not, but for rounding, which differs from
 * column to column. */
START_TEST(equal_experts_stay_equal) {
    static const int first_twice[EXPERTS] = {0, 0, 2};
    char keys[128];
    snprintf(keys, sizeof keys, ", \"init\": \"%s\", \"expert_params\": {\"dims\": [8, 6]}",
             words[_i]);
    set_up("", keys, ", \"optimizer\": \"sgd\", \"optimizer_params\": {\"lr\": 0.5}");
    mmoe_model *model = new_model(), *copy = new_model();
    permute(model, copy, first_twice);
    ck_assert_double_eq(distance(model, 0, 1), 0);
    train(model, 30);
    ck_assert_double_lt(distance(model, 0, 1), 1e-5);
    ck_assert_double_gt(distance(model, 0, 2), 0.1);
    for (int t = 0; t < TASKS; t++) {
        char name[64];
        snprintf(name, sizeof name, "gates.%d.mlp.0.weight", t);
        const mmoe_tensor_info info = tensor_named(model, name);
        const size_t n = (size_t)info.shape[1];
        const float *row = info.data;
        for (size_t i = 0; i < n; i++) ck_assert_float_eq_tol(row[i], row[n + i], 1e-5F);
        ck_assert_double_gt(largest_difference(row, row + 2 * n, n), 0.05);
    }
    size_t n;
    const float *trained = part_of(model, 0, 0, 0, &n), *start = part_of(copy, 0, 0, 0, &n);
    ck_assert_double_gt(largest_difference(trained, start, n), 0.01);
    mmoe_model_free(model);
    mmoe_model_free(copy);
    tear_down();
}
END_TEST

void add_cases(TCase *c) {
    const int n = sizeof words / sizeof *words;
    tcase_add_loop_test(c, layers_have_their_moments, 0, n);
    tcase_add_loop_test(c, embeddings_have_their_moments, 0,
                        (int)(sizeof table_words / sizeof *table_words));
    tcase_add_test(c, the_default_is_as_it_was);
    tcase_add_test(c, heads_begin_with_the_mean_of_the_labels);
    tcase_add_test(c, what_types_begin_with);
    tcase_add_loop_test(c, a_draw_depends_on_its_name, 0, n);
    tcase_add_loop_test(c, no_two_experts_begin_equal, 0, n);
    tcase_add_test(c, permuted_experts_predict_the_same);
    tcase_add_loop_test(c, equal_experts_stay_equal, 0, n);
}
