/* Tables that begin with a file's vectors, and tables that do not learn. */
#include <unistd.h>

#include "data/dataset.h"
#include "failing.h"
#include "file/container.h"
#include "model/model.h"
#include "npy_support.h"
#include "train/trainer.h"
#include "training_support.h"

enum { V = 50, DIM = 4 };
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define A "embedding.embed_dict.a.weight"
#define B "embedding.embed_dict.b.weight"

static float vectors[V * DIM];
static double wide_vectors[V * DIM];
static const char *npy; /* of the vectors */

static void prepare(void) {
    make_folder();
    set_up("", "", "");
    for (int i = 0; i < V * DIM; i++) wide_vectors[i] = vectors[i] = (float)(i * 37 % 101) / 8 - 3;
    npy = in_folder("a.npy");
    put_npy(npy, "<f4", V, DIM, vectors);
}

static void clean(void) {
    tear_down();
    remove_folder();
}

/* Features a and b with keys of their own, behind commas, and the trainer's; the rows stay. */
static mmoe_status configure(const char *a, const char *b, const char *trainer, mmoe_error *err) {
    static const char *const columns[] = {"a", "b", "d0", "d1"};
    char json[2048];
    snprintf(json, sizeof json,
             "{\"features\": {\"sparse\": [{\"name\": \"a\"%s}, {\"name\": \"b\"%s}],"
             " \"dense\": [{\"name\": \"d*\"}]},"
             " \"tasks\": [{\"name\": \"x\", \"label\": \"x\"}, {\"name\": \"y\", \"label\": "
             "\"y\"}], \"model\": {\"n_expert\": 3, \"expert_params\": {\"dims\": [8, 5]}},"
             " \"trainer\": {\"batch_size\": %d%s}}",
             a, b, BATCH, trainer);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    schema = NULL;
    config = NULL;
    mmoe_status status = mmoe_config_parse(json, strlen(json), NULL, NULL, &config, err);
    return status ? status : mmoe_schema_create(config, columns, 4, NULL, &schema, err);
}

#define ROWS_OF_A ", \"vocab_size\": 50"
#define ROWS_OF_B ", \"vocab_size\": 7, \"embed_dim\": 3"

/* Keys of a, and its file. */
static const char *keys_with(const char *others, const char *file) {
    static char keys[512];
    snprintf(keys, sizeof keys, "%s, \"pretrained\": \"%s\"", others, file);
    return keys;
}

static mmoe_model *model_of(const char *a, const char *trainer) {
    SUCCEEDS(configure(a, ROWS_OF_B, trainer, &err));
    return new_model();
}

static void has_vectors(const mmoe_model *model) {
    const mmoe_tensor_info info = tensor_named(model, A);
    ck_assert(info.shape[0] == V && info.shape[1] == DIM);
    ck_assert_mem_eq(info.data, vectors, sizeof vectors);
}

/* ---- What a table begins with ---- */

static const char *safetensors(mmoe_dtype dtype, int32_t rank, const void *data) {
    const char *path = in_folder("v.safetensors");
    const mmoe_container_tensor t = {.name = "item:emb",
                                     .dtype = dtype,
                                     .rank = rank,
                                     .shape = {V, rank == 1 ? V * DIM : DIM},
                                     .data = data,
                                     .bytes = V * DIM * mmoe_dtype_size(dtype)};
    mmoe_container_tensor line = t;
    line.shape[0] = V * DIM;
    SUCCEEDS(mmoe_container_write(path, rank == 1 ? &line : &t, 1, (const char *const[]){NULL},
                                  NULL, &err));
    static char place[200];
    snprintf(place, sizeof place, "%s:item:emb", path);
    return place;
}

/* All other weights are drawn as ever. */
START_TEST(tables_begin_with_files) {
    static const char *const widths[] = {"", ", \"embed_dim\": 4", ", \"embed_dim\": \"auto\""};
    mmoe_model *plain = model_of(", \"vocab_size\": 50, \"embed_dim\": 4", "");
    for (size_t file = 0; file < 4; file++)
        for (size_t w = 0; w < (file ? 1 : COUNT(widths)); w++) {
            char keys[128];
            const char *path = npy;
            if (file == 1) put_npy(path = in_folder("wide.npy"), "<f8", V, DIM, wide_vectors);
            if (file >= 2)
                path = safetensors(file == 2 ? MMOE_F32 : MMOE_F64, 2,
                                   file == 2 ? (const void *)vectors : wide_vectors);
            snprintf(keys, sizeof keys, ROWS_OF_A "%s", widths[w]);
            mmoe_model *model = model_of(keys_with(keys, path), "");
            has_vectors(model);
            ck_assert_int_eq(mmoe_model_parameter_count(model), mmoe_model_parameter_count(plain));
            memcpy(values_of(model, A), values_of(plain, A), sizeof vectors);
            assert_same_models(model, plain);
            mmoe_model_free(model);
        }
    mmoe_model_free(plain);
}
END_TEST

START_TEST(rows_of_any_known_kind) {
    static const struct {
        const char *keys;
        int rows;
    } cases[] = {{", \"hash_bucket_size\": 49", V}, {", \"boundaries\": [1, 2, 3]", 5}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *path = in_folder("k.npy");
        put_npy(path, "<f4", cases[i].rows, DIM, vectors);
        mmoe_model *model = model_of(keys_with(cases[i].keys, path), "");
        ck_assert_int_eq(tensor_named(model, A).shape[0], cases[i].rows);
        ck_assert_mem_eq(values_of(model, A), vectors,
                         (size_t)cases[i].rows * DIM * sizeof *vectors);
        mmoe_model_free(model);
    }
    /* Who shares a table takes its width. */
    static const char *const sharers[] = {", \"shared_with\": \"a\"",
                                          ", \"shared_with\": \"a\", \"embed_dim\": \"auto\""};
    for (size_t i = 0; i < COUNT(sharers); i++) {
        SUCCEEDS(configure(keys_with(ROWS_OF_A, npy), sharers[i], "", &err));
        mmoe_model *model = new_model();
        has_vectors(model);
        mmoe_model_free(model);
    }
}
END_TEST

/* ---- What is refused ---- */

static void not_configured(const char *a, const char *b, const char *message) {
    mmoe_error err = {0};
    ck_assert_int_eq(configure(a, b, "", &err), MMOE_E_CONFIG);
    ck_assert_str_eq(err.message, message);
}

START_TEST(keys_that_cannot_be) {
    not_configured(", \"vocab_size\": 50, \"pretrained\": \"a.npz\"", ROWS_OF_B,
                   "configuration: features.sparse[0].pretrained: \"a.npz\" is neither FILE.npy "
                   "nor FILE.safetensors:TENSOR");
    not_configured(", \"vocab_size\": 50, \"pretrained\": \"a.safetensors:\"", ROWS_OF_B,
                   "configuration: features.sparse[0].pretrained: \"a.safetensors:\" is neither "
                   "FILE.npy nor FILE.safetensors:TENSOR");
    static const char learned[] =
        "configuration: features.sparse[0].pretrained: the training file's values say what the "
        "rows of this table are, so no file of vectors can have them in their order; give "
        "vocab_size, hash_bucket_size or boundaries";
    not_configured(", \"pretrained\": \"a.npy\"", ROWS_OF_B, learned);
    not_configured(", \"pretrained\": \"a.npy\", \"quantiles\": 9", ROWS_OF_B, learned);
    not_configured(", \"vocab_size\": 50", ", \"shared_with\": \"a\", \"pretrained\": \"b.npy\"",
                   "configuration: features.sparse[1].pretrained: it belongs to the column \"a\" "
                   "that owns the table");
    not_configured(", \"vocab_size\": 50", ", \"shared_with\": \"a\", \"trainable\": true",
                   "configuration: features.sparse[1].trainable: it belongs to the column \"a\" "
                   "that owns the table");
    not_configured(", \"vocab_size\": 50}, {\"name\": \"x*\", \"vocab_size\": 3, \"pretrained\": "
                   "\"x.npy\"",
                   ROWS_OF_B,
                   "configuration: features.sparse[1].pretrained: \"x*\" is a pattern, whose "
                   "columns have a table each; a file is one table's");
    not_configured(", \"vocab_size\": 50, \"trainable\": 0", ROWS_OF_B,
                   "configuration: features.sparse[0].trainable: 0 is not allowed here; allowed "
                   "is a boolean: true | false");
}
END_TEST

static void not_made(const char *keys, const char *place, mmoe_status status, const char *message) {
    mmoe_error why = {0};
    mmoe_model *model = NULL;
    char file[200];
    const char *end = strstr(place, ".safetensors:");
    snprintf(file, sizeof file, "%.*s", (int)(end ? end + 12 - place : (int)strlen(place)), place);
    SUCCEEDS(configure(keys_with(keys, place), ROWS_OF_B, "", &err));
    ck_assert_int_eq(mmoe_model_create(config, schema, NULL, &model, &why), status);
    ck_assert_ptr_null(model);
    ck_assert_str_eq(why.file, file);
    ck_assert_msg(strncmp(why.message, file, strlen(file)) == 0 &&
                      strcmp(why.message + strlen(file), message) == 0,
                  "\"%s\", not \"%s\"", why.message, message);
}

START_TEST(files_that_are_not_the_tables) {
    not_made(ROWS_OF_A, in_folder("none.npy"), MMOE_E_IO,
             ": cannot read: No such file or directory");
    not_made(", \"vocab_size\": 51", npy, MMOE_E_FORMAT,
             ": column \"a\": its shape is [50, 4], but the table has 51 rows");
    not_made(ROWS_OF_A ", \"embed_dim\": 8", npy, MMOE_E_FORMAT,
             ": column \"a\": its shape is [50, 4], but embed_dim is 8");
    const char *path = in_folder("bad.npy");
    put_npy(path, "<f4", V, 0, vectors);
    not_made(ROWS_OF_A, path, MMOE_E_FORMAT,
             ": column \"a\": its shape is [50, 0], but embed_dim is 1 to 65536");
    float spoiled[V * DIM];
    memcpy(spoiled, vectors, sizeof spoiled);
    spoiled[7 * DIM + 2] = NAN;
    put_npy(path, "<f4", V, DIM, spoiled);
    not_made(ROWS_OF_A, path, MMOE_E_FORMAT,
             ": column \"a\": value 2 of row 7, counted from 0, is nan in single precision");
    wide_vectors[V * DIM - 1] = -1e300;
    put_npy(path, "<f8", V, DIM, wide_vectors);
    not_made(ROWS_OF_A, path, MMOE_E_FORMAT,
             ": column \"a\": value 3 of row 49, counted from 0, is -inf in single precision");
}
END_TEST

START_TEST(tensors_that_are_not_the_tables) {
    const char *place = safetensors(MMOE_F32, 2, vectors);
    char other[200];
    snprintf(other, sizeof other, "%.*s:emb", (int)(strlen(place) - strlen(":item:emb")), place);
    not_made(ROWS_OF_A, other, MMOE_E_FORMAT, ": the file has no tensor \"emb\"");
    safetensors(MMOE_I32, 2, vectors);
    not_made(ROWS_OF_A, place, MMOE_E_FORMAT,
             ": tensor \"item:emb\": its type is I32, and no float's");
    safetensors(MMOE_F32, 1, vectors);
    not_made(ROWS_OF_A, place, MMOE_E_FORMAT,
             ": tensor \"item:emb\": its shape has 1 sizes, not 2");
    vectors[5] = INFINITY;
    safetensors(MMOE_F32, 2, vectors);
    not_made(ROWS_OF_A, place, MMOE_E_FORMAT,
             ": column \"a\": value 1 of row 1, counted from 0, is inf in single precision");
    wide_vectors[3] = 1e40;
    safetensors(MMOE_F64, 2, wide_vectors);
    not_made(ROWS_OF_A, place, MMOE_E_FORMAT,
             ": tensor \"item:emb\": value 3, 1e+40, is too large for single precision");
    not_made(ROWS_OF_A, in_folder("none.safetensors:x"), MMOE_E_IO,
             ": cannot read: No such file or directory");
}
END_TEST

/* ---- What learns ---- */

static void train(mmoe_model *model) {
    mmoe_trainer *trainer = new_trainer(model, 2);
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, valid, &err));
    mmoe_trainer_free(trainer);
}

#define FROZEN ROWS_OF_A ", \"trainable\": false"
#define TWO_EPOCHS ", \"n_epoch\": 2, \"optimizer_params\": {\"lr\": 0.05, \"weight_decay\": 0.01}"

/* Whatever else changes weights. */
START_TEST(frozen_tables_stay) {
    static const char *const trainers[] = {
        TWO_EPOCHS,
        TWO_EPOCHS ", \"optimizer\": \"adamw\", \"ema_decay\": 0.5",
        TWO_EPOCHS ", \"optimizer\": \"sgd\", \"clip_norm\": 0.1, \"regularization_params\": "
                   "{\"embedding_l1\": 0.01, \"embedding_l2\": 0.1}",
        TWO_EPOCHS ", \"adaptive_params\": {\"method\": \"metabalance\", \"at\": \"parameters\"}",
        TWO_EPOCHS ", \"clip_norm\": 0.1, \"adaptive_params\": {\"method\": \"pcgrad\", \"at\": "
                   "\"parameters\"}",
        TWO_EPOCHS ", \"adaptive_params\": {\"method\": \"gradnorm\"}",
        TWO_EPOCHS ", \"adaptive_params\": {\"method\": \"uwl\"}",
    };
    mmoe_model *model = model_of(keys_with(FROZEN, npy), trainers[_i]);
    float began[7 * 3];
    memcpy(began, values_of(model, B), sizeof began);
    ck_assert(!tensor_named(model, A).trainable && tensor_named(model, B).trainable);
    train(model);
    has_vectors(model);
    ck_assert_mem_ne(values_of(model, B), began, sizeof began);
    mmoe_model_free(model);
}
END_TEST

START_TEST(drawn_tables_stay_too) {
    mmoe_model *model =
        model_of(", \"vocab_size\": 50, \"embed_dim\": 4, \"trainable\": false", TWO_EPOCHS);
    const int64_t learning = mmoe_model_parameter_count(model);
    memcpy(vectors, values_of(model, A), sizeof vectors);
    train(model);
    has_vectors(model);
    mmoe_model_free(model);
    model = model_of(", \"vocab_size\": 50, \"embed_dim\": 4, \"trainable\": true", TWO_EPOCHS);
    has_vectors(model);
    ck_assert_int_eq(mmoe_model_parameter_count(model), learning + V * DIM);
    train(model);
    ck_assert_mem_ne(values_of(model, A), vectors, sizeof vectors);
    mmoe_model_free(model);
}
END_TEST

/* A step moves all other weights as if the table learned. */
START_TEST(all_else_learns_alike) {
    mmoe_model *models[2];
    for (int i = 0; i < 2; i++) {
        models[i] = model_of(keys_with(i ? ROWS_OF_A : FROZEN, npy),
                             ", \"optimizer_params\": {\"lr\": 0.05}");
        mmoe_trainer *trainer = new_trainer(models[i], 1);
        SUCCEEDS(mmoe_trainer_step(trainer, rows, 0, BATCH, NULL, &err));
        mmoe_trainer_free(trainer);
    }
    has_vectors(models[0]);
    ck_assert_mem_ne(values_of(models[1], A), vectors, sizeof vectors);
    memcpy(values_of(models[1], A), vectors, sizeof vectors);
    assert_same_models(models[0], models[1]);
    mmoe_model_free(models[0]);
    mmoe_model_free(models[1]);
}
END_TEST

/* PyTorch's from_pretrained leaves that row as it is, too. */
START_TEST(a_padding_row_is_the_files) {
    vectors[31 * DIM + 1] = 0;
    put_npy(npy, "<f4", V, DIM, vectors);
    mmoe_model *model =
        model_of(keys_with(ROWS_OF_A ", \"padding_idx\": 31", npy),
                 ", \"n_epoch\": 1, \"optimizer_params\": {\"lr\": 0.05, \"weight_decay\": 0}");
    char warning[300];
    snprintf(warning, sizeof warning,
             "column \"a\": 3 of 4 values of its padding row, 31 of \"%s\", are not 0: they are "
             "kept, and no part of lists",
             npy);
    ck_assert_str_eq(mmoe_model_warning(model, 0)->message, warning);
    ck_assert_ptr_null(mmoe_model_warning(model, 1));
    train(model);
    const float *row = values_of(model, A) + 31 * DIM;
    ck_assert_mem_eq(row, vectors + 31 * DIM, DIM * sizeof *row);
    ck_assert_mem_ne(row - DIM, vectors + 30 * DIM, DIM * sizeof *row);
    mmoe_model_free(model);
}
END_TEST

/* ---- Files ---- */

START_TEST(models_do_without_the_file) {
    mmoe_model *model = model_of(keys_with(FROZEN, npy), TWO_EPOCHS), *loaded;
    const char *path = in_folder("m.safetensors");
    train(model);
    SUCCEEDS(mmoe_model_save(model, path, &err));
    ck_assert_int_eq(unlink(npy), 0);
    SUCCEEDS(mmoe_model_load(path, NULL, &loaded, &err));
    assert_same_models(model, loaded);
    ck_assert(!tensor_named(loaded, A).trainable);
    train(loaded);
    has_vectors(loaded);
    mmoe_model_free(loaded);
    mmoe_model_free(model);
}
END_TEST

static mmoe_status go_on(mmoe_model *model, const char *checkpoint, mmoe_error *err) {
    mmoe_trainer *trainer = new_trainer(model, 1);
    mmoe_status status = mmoe_trainer_resume(trainer, checkpoint, err);
    if (!status) status = mmoe_trainer_fit(trainer, rows, valid, err);
    mmoe_trainer_free(trainer);
    return status;
}

START_TEST(runs_go_on_with_the_same_file) {
    const char *checkpoint = in_folder("c.ckpt");
    for (int frozen = 0; frozen < 2; frozen++) {
        const char *keys = frozen ? FROZEN : ROWS_OF_A;
        mmoe_model *whole = model_of(keys_with(keys, npy), TWO_EPOCHS), *cut = new_model(), *later;
        train(whole);
        SUCCEEDS(mmoe_config_set(config, "trainer.n_epoch", "1", &err));
        mmoe_model *first = new_model();
        mmoe_trainer *trainer;
        const mmoe_trainer_options options = {.threads = 1, .checkpoint_path = checkpoint};
        SUCCEEDS(mmoe_trainer_create(first, &options, NULL, &trainer, &err));
        SUCCEEDS(mmoe_trainer_fit(trainer, rows, valid, &err));
        mmoe_trainer_free(trainer);
        SUCCEEDS(go_on(cut, checkpoint, &err));
        assert_same_models(whole, cut);
        /* With other vectors. */
        vectors[9] += 1;
        put_npy(npy, "<f4", V, DIM, vectors);
        later = model_of(keys_with(keys, npy), TWO_EPOCHS);
        mmoe_error why = {0};
        ck_assert_int_eq(go_on(later, checkpoint, &why), frozen ? MMOE_E_ARGUMENT : MMOE_OK);
        if (frozen)
            ck_assert_msg(strstr(why.message, "column \"a\": the table does not learn, but is "
                                              "another than the checkpoint's: its pretrained file "
                                              "has changed"),
                          "%s", why.message);
        else
            assert_same_models(whole, later);
        mmoe_model_free(whole);
        mmoe_model_free(cut);
        mmoe_model_free(first);
        mmoe_model_free(later);
    }
}
END_TEST

START_TEST(every_allocation_may_fail) {
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    const char *place = safetensors(MMOE_F64, 2, wide_vectors);
    long attempts = 0;
    for (int file = 0; file < 2; file++) {
        SUCCEEDS(configure(keys_with(FROZEN, file ? place : npy), ROWS_OF_B, "", &err));
        for (memory = (failing){0}; failing_next(&memory); attempts++) {
            mmoe_error why = {0};
            mmoe_model *model = NULL;
            failing_check(&memory, mmoe_model_create(config, schema, &a, &model, &why), &why);
            mmoe_model_free(model);
            ck_assert_int_eq(memory.live, 0);
        }
    }
    ck_assert_int_gt(attempts, 100);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, prepare, clean);
    tcase_add_test(c, tables_begin_with_files);
    tcase_add_test(c, rows_of_any_known_kind);
    tcase_add_test(c, keys_that_cannot_be);
    tcase_add_test(c, files_that_are_not_the_tables);
    tcase_add_test(c, tensors_that_are_not_the_tables);
    tcase_add_loop_test(c, frozen_tables_stay, 0, 7);
    tcase_add_test(c, drawn_tables_stay_too);
    tcase_add_test(c, all_else_learns_alike);
    tcase_add_test(c, a_padding_row_is_the_files);
    tcase_add_test(c, models_do_without_the_file);
    tcase_add_test(c, runs_go_on_with_the_same_file);
    tcase_add_test(c, every_allocation_may_fail);
}
