/* the model file: save, load, load_weights */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "check_main.h"
#include "data/column_number.h"
#include "failing.h"
#include "model/model_file.h"
#include "params_support.h"

static char folder[64], file[128], other[128], table[128];

static const char config_json[] =
    "{\"features\": {\"sparse\": [{\"name\": \"user\", \"embed_dim\": 3}, {\"name\": \"town\", "
    "\"embed_dim\": 2},"
    " {\"name\": \"slot\", \"embed_dim\": 2, \"vocab_size\": 5}, {\"name\": \"friend\", "
    "\"embed_dim\": 3, \"shared_with\": \"user\"}],"
    " \"dense\": [{\"name\": \"age\", \"transform\": \"standardize\"}]},"
    " \"tasks\": [{\"name\": \"ctr\", \"label\": \"click\", \"type\": \"classification\", "
    "\"tower_params\": {\"dims\": [3]}},"
    " {\"name\": \"value\", \"label\": \"price\", \"type\": \"regression\", \"tower_params\": "
    "{\"dims\": [2], \"activation\": \"dice\"}}],"
    " \"model\": {\"name\": \"mmoe\", \"n_expert\": 2, \"expert_params\": {\"dims\": [4, 3], "
    "\"activation\": \"prelu\"}},"
    " \"trainer\": {\"seed\": 11}}";

static const char csv[] = "user,town,slot,friend,age,click,price\n"
                          "-7,Z\xc3\xbcrich,0,9000000000,20,1,1.5\n"
                          "9000000000,Bern,4,12,30,0,2\n"
                          "12,\"a,b\",2,-7,41,0,-1\n";

static mmoe_model *new_model(const char *config_text, const mmoe_allocator *alloc) {
    mmoe_error err = {0};
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *dataset;
    mmoe_model *model;
    FILE *f = fopen(table, "wb");
    ck_assert_ptr_nonnull(f);
    fputs(csv, f);
    fclose(f);
    ck_assert_msg(!mmoe_config_parse(config_text, strlen(config_text), NULL, NULL, &config, &err),
                  "%s", err.message);
    ck_assert_msg(!mmoe_dataset_fit_csv(config, table, NULL, &schema, &dataset, &err), "%s",
                  err.message);
    ck_assert_msg(!mmoe_model_create(config, schema, alloc, &model, &err), "%s", err.message);
    mmoe_dataset_free(dataset);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    ck_assert_int_eq(unlink(table), 0);
    for (int64_t i = 0; i < model->params.n_counter; i++) model->params.counters[i] = i + 5;
    return model;
}

static mmoe_model *sample;

static void set_up(void) {
    strcpy(folder, "/tmp/mmoe-model-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/m.safetensors", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    snprintf(table, sizeof table, "%s/table.csv", folder);
    sample = new_model(config_json, NULL);
    mmoe_error err = {0};
    ck_assert_msg(!mmoe_model_save(sample, file, &err), "%s", err.message);
}

static void tear_down(void) {
    mmoe_model_free(sample);
    unlink(file);
    unlink(other);
    ck_assert_int_eq(rmdir(folder), 0); /* so nothing else was left there */
}

static char *get_file(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    char *bytes = malloc(*size + 1);
    ck_assert_uint_eq(fread(bytes, 1, *size, f), *size);
    fclose(f);
    return bytes;
}

static void put_file(const char *path, const char *bytes, size_t size) {
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static bool same_weights(const mmoe_model *a, const mmoe_model *b) {
    const mmoe_tensors *ta = &a->graph->tensors, *tb = &b->graph->tensors;
    ck_assert_uint_eq(ta->count, tb->count);
    for (size_t i = 0; i < ta->count; i++) {
        ck_assert_str_eq(ta->items[i].name, tb->items[i].name);
        ck_assert_int_eq(ta->items[i].count, tb->items[i].count);
        size_t size = ta->items[i].kind == MMOE_TENSOR_COUNTER ? sizeof(int64_t) : sizeof(float);
        if (memcmp(mmoe_params_at(&a->params, &ta->items[i]),
                   mmoe_params_at(&b->params, &tb->items[i]), (size_t)ta->items[i].count * size))
            return false;
    }
    return true;
}

/* ---- What should work ---- */

START_TEST(checksum_known_answers) {
    unsigned char bytes[100];
    for (int i = 0; i < 100; i++) bytes[i] = (unsigned char)i;
    ck_assert_uint_eq(mmoe_checksum_hash(0, "", 0), 0x2bb1375b4e48a892);
    ck_assert_uint_eq(mmoe_checksum_hash(0, "abc", 3), 0xb140510f16c7492d);
    ck_assert_uint_eq(mmoe_checksum_hash(7, bytes, 100), 0xfd3488d6c02dc107);
    ck_assert_uint_eq(mmoe_checksum_part("name", bytes, 33), 0xc55fec1484f27827);
}
END_TEST

START_TEST(loaded_model_is_the_saved_one) {
    mmoe_model *model = NULL;
    mmoe_error err = {0};
    ck_assert_msg(!mmoe_model_load(file, NULL, &model, &err), "%s", err.message);
    ck_assert(same_weights(sample, model));
    ck_assert_int_gt(model->params.n_counter, 0);
    ck_assert_int_eq(mmoe_model_parameter_count(model), mmoe_model_parameter_count(sample));
    ck_assert_int_eq(mmoe_model_task_count(model), 2);
    ck_assert_str_eq(mmoe_model_task_name(model, 1), "value");
    ck_assert_int_eq(mmoe_model_task_type(model, 1), MMOE_REGRESSION);
    const mmoe_schema *schema = mmoe_model_schema(model);
    ck_assert_int_eq(schema->n_table, 3);
    ck_assert_int_eq(schema->n_sparse, 4);
    ck_assert_int_eq(
        mmoe_vocab_find(mmoe_encoder_vocab(schema->tables[0].encoder), "9000000000", 10),
        mmoe_vocab_find(mmoe_encoder_vocab(sample->schema->tables[0].encoder), "9000000000", 10));
    ck_assert_int_gt(mmoe_vocab_find(mmoe_encoder_vocab(schema->tables[0].encoder), "-7", 2), 0);
    ck_assert_int_gt(mmoe_vocab_find(mmoe_encoder_vocab(schema->tables[1].encoder), "a,b", 3), 0);
    ck_assert_int_eq(mmoe_vocab_find(mmoe_encoder_vocab(schema->tables[1].encoder), "Basel", 5), 0);
    ck_assert(mmoe_schema_fingerprint(schema) == mmoe_schema_fingerprint(sample->schema));
    ck_assert(mmoe_number_of(schema->dense[0].encoder)->shift != 0);
    char *before, *after;
    ck_assert_int_eq(mmoe_config_text(mmoe_model_config(sample), &before, NULL), MMOE_OK);
    ck_assert_int_eq(mmoe_config_text(mmoe_model_config(model), &after, NULL), MMOE_OK);
    ck_assert_str_eq(after, before);
    mmoe_config_text_free(mmoe_model_config(sample), before);
    mmoe_config_text_free(mmoe_model_config(model), after);
    size_t size, size_again;
    ck_assert_int_eq(mmoe_model_save(model, other, NULL), MMOE_OK);
    char *bytes = get_file(file, &size), *again = get_file(other, &size_again);
    ck_assert_uint_eq(size_again, size);
    ck_assert_mem_eq(again, bytes, size);
    free(bytes);
    free(again);
    mmoe_model_free(model);
}
END_TEST

START_TEST(tensors_of_a_file_are_aligned) {
    mmoe_container *c;
    size_t size;
    char *bytes = get_file(file, &size);
    const mmoe_allocator plain = mmoe_allocator_or_default(NULL);
    char *aligned = mmoe_alloc_aligned(&plain, size, 1);
    memcpy(aligned, bytes, size);
    ck_assert_int_eq(mmoe_container_parse(aligned, size, file, NULL, &c, NULL), MMOE_OK);
    ck_assert_str_eq(mmoe_container_metadata(c, "format"), "mmoe");
    ck_assert_str_eq(mmoe_container_metadata(c, "format_version"), "1");
    ck_assert_str_eq(mmoe_container_metadata(c, "mmoe_version"), mmoe_version());
    size_t first = 0;
    while (mmoe_container_at(c, first)->dtype != MMOE_F32) first++;
    ck_assert_uint_eq((uintptr_t)mmoe_container_at(c, first)->data % 64, 0);
    ck_assert_str_eq(mmoe_container_at(c, first)->name, "embedding.embed_dict.user.weight");
    for (size_t i = 0; i < mmoe_container_count(c); i++) { /* what was copied would lie elsewhere */
        const mmoe_container_tensor *t = mmoe_container_at(c, i);
        ck_assert(i == 0 || t->data == (const char *)t[-1].data + t[-1].bytes);
    }
    const int64_t keys[] = {-7, 9000000000, 12};
    ck_assert_mem_eq(mmoe_container_find(c, "vocab.user.keys")->data, keys, sizeof keys);
    ck_assert_uint_eq(mmoe_container_find(c, "vocab.town.bytes")->bytes, 7 + 4 + 3);
    ck_assert_mem_eq(mmoe_container_find(c, "vocab.town.bytes")->data,
                     "Z\xc3\xbcrich"
                     "Bern"
                     "a,b",
                     14);
    mmoe_container_close(c);
    mmoe_release_aligned(&plain, aligned);
    free(bytes);
}
END_TEST

/* ---- Changed files ---- */

/* The sample's file, taken apart. */
typedef struct edit {
    mmoe_container *file;
    mmoe_container_tensor tensors[128];
    size_t count;
    const char *values[MMOE_FILE_COVERED];
} edit;

enum { FORMAT, FORMAT_VERSION, VERSION, CONFIG, SCHEMA };

static void begin_edit(edit *e) {
    ck_assert_int_eq(mmoe_container_open(file, false, NULL, &e->file, NULL), MMOE_OK);
    e->count = mmoe_container_count(e->file);
    ck_assert_uint_lt(e->count, 127);
    memcpy(e->tensors, mmoe_container_at(e->file, 0), e->count * sizeof *e->tensors);
    for (int i = 0; i < MMOE_FILE_COVERED; i++)
        e->values[i] = mmoe_container_metadata(e->file, mmoe_file_covered[i]);
}

static mmoe_container_tensor *find(edit *e, const char *name) {
    for (size_t i = 0; i < e->count; i++)
        if (!strcmp(e->tensors[i].name, name)) return &e->tensors[i];
    ck_abort_msg("no tensor %s", name);
    return NULL;
}

/* Writes it to `other`, with a right checksum; `plain`: without metadata, as torch would. */
static void end_edit(edit *e, bool plain) {
    char checksum[24];
    snprintf(checksum, sizeof checksum, "%016llx",
             (unsigned long long)mmoe_file_checksum(e->tensors, e->count, e->values));
    const char *metadata[2 * MMOE_FILE_COVERED + 3];
    for (int i = 0; i < MMOE_FILE_COVERED; i++) {
        metadata[2 * i] = mmoe_file_covered[i];
        metadata[2 * i + 1] = e->values[i];
    }
    metadata[2 * MMOE_FILE_COVERED] = "checksum";
    metadata[2 * MMOE_FILE_COVERED + 1] = checksum;
    metadata[2 * MMOE_FILE_COVERED + 2] = NULL;
    ck_assert_int_eq(
        mmoe_container_write(other, e->tensors, e->count, plain ? NULL : metadata, NULL, NULL),
        MMOE_OK);
    mmoe_container_close(e->file);
}

static void check_message(const mmoe_error *err, mmoe_status wanted, const char *message) {
    ck_assert_int_eq(err->code, wanted);
    ck_assert_msg(strstr(err->message, other) == err->message && strstr(err->message, message),
                  "%s", err->message);
}

static void check_load(mmoe_status wanted, const char *message) {
    mmoe_model *model = NULL;
    mmoe_error err = {0};
    ck_assert_int_eq(mmoe_model_load(other, NULL, &model, &err), wanted);
    check_message(&err, wanted, message);
    ck_assert_int_eq(mmoe_model_load(other, NULL, &model, NULL), wanted);
    ck_assert_ptr_null(model);
}

static mmoe_model *blank_model(void) {
    mmoe_model *model = new_model(config_json, NULL);
    float *value;
    for (int64_t i = 0; (value = params_value(&model->params, i)); i++) *value = 0.25f;
    for (int64_t i = 0; i < model->params.n_counter; i++) model->params.counters[i] = 77;
    return model;
}

static void check_load_weights(mmoe_status wanted, const char *message) {
    mmoe_model *model = blank_model(), *before = blank_model();
    mmoe_error err = {0};
    ck_assert_int_eq(mmoe_model_load_weights(model, other, &err), wanted);
    check_message(&err, wanted, message);
    ck_assert(same_weights(model, before));
    mmoe_model_free(model);
    mmoe_model_free(before);
}

static const char experts_weight[] = "experts.1.mlp.0.weight",
                  mean[] = "experts.0.mlp.1.running_mean",
                  variance[] = "experts.0.mlp.1.running_var",
                  counter[] = "towers.1.mlp.1.num_batches_tracked";
static float values[4096];
static const int64_t negative = -1, too_many = ((int64_t)1 << 62) + 1, endless = INT64_MAX;

static void remove_tensor(edit *e) {
    mmoe_container_tensor *t = find(e, mean);
    memmove(t, t + 1, (size_t)(e->tensors + e->count - (t + 1)) * sizeof *t);
    e->count--;
}

static void add_tensor(edit *e) {
    e->tensors[e->count++] =
        (mmoe_container_tensor){"experts.2.mlp.0.bias", MMOE_F32, 1, {1}, values, 4};
}

static void transpose_tensor(edit *e) {
    mmoe_container_tensor *t = find(e, experts_weight);
    int64_t rows = t->shape[0];
    t->shape[0] = t->shape[1];
    t->shape[1] = rows;
}

static void flatten_tensor(edit *e) {
    mmoe_container_tensor *t = find(e, experts_weight);
    t->shape[0] *= t->shape[1];
    t->rank = 1;
}

static void retype_tensor(edit *e) { find(e, mean)->dtype = MMOE_I32; }

static void retype_counter(edit *e) {
    mmoe_container_tensor *t = find(e, counter);
    t->dtype = MMOE_F64;
}

static void set_value(edit *e, const char *name, int64_t index, float value) {
    mmoe_container_tensor *t = find(e, name);
    ck_assert_uint_le(t->bytes, sizeof values);
    memcpy(values, t->data, t->bytes);
    values[index] = value;
    t->data = values;
}

static void set_nan(edit *e) { set_value(e, experts_weight, 3, NAN); }
static void set_infinity(edit *e) { set_value(e, mean, 2, -INFINITY); }
static void set_negative_variance(edit *e) { set_value(e, variance, 1, -1e-30f); }
static void set_infinite_variance(edit *e) { set_value(e, variance, 0, INFINITY); }
static void set_negative_count(edit *e) { find(e, counter)->data = &negative; }
static void set_too_many(edit *e) { find(e, counter)->data = &too_many; }
static void set_endless_count(edit *e) { find(e, counter)->data = &endless; }

static const struct {
    void (*change)(edit *);
    const char *message;
} bad_tensors[] = {
    {remove_tensor, "tensor \"experts.0.mlp.1.running_mean\" is missing"},
    {add_tensor, "tensor \"experts.2.mlp.0.bias\" is too many: the model has none of this name"},
    {transpose_tensor,
     "tensor \"experts.1.mlp.0.weight\": its shape is [11, 4], the model's is [4, 11]"},
    {flatten_tensor,
     "tensor \"experts.1.mlp.0.weight\": its shape is [44], the model's is [4, 11]"},
    {retype_tensor, "tensor \"experts.0.mlp.1.running_mean\": its type is not F32"},
    {retype_counter, "tensor \"towers.1.mlp.1.num_batches_tracked\": its type is not I64"},
    {set_nan, "tensor \"experts.1.mlp.0.weight\": value 3 is not finite"},
    {set_infinity, "tensor \"experts.0.mlp.1.running_mean\": value 2 is not finite"},
    {set_negative_variance,
     "tensor \"experts.0.mlp.1.running_var\": value 1 is not finite or is negative"},
    {set_infinite_variance,
     "tensor \"experts.0.mlp.1.running_var\": value 0 is not finite or is negative"},
    {set_negative_count, "tensor \"towers.1.mlp.1.num_batches_tracked\": the count -1 is negative"},
    {set_too_many, "num_batches_tracked\": the count 4611686018427387905 is above 2^62"},
    {set_endless_count, "num_batches_tracked\": the count 9223372036854775807 is above 2^62"},
};

START_TEST(bad_tensors_are_named) {
    for (int plain = 0; plain < 2; plain++) {
        edit e;
        begin_edit(&e);
        bad_tensors[_i].change(&e);
        end_edit(&e, plain);
        if (!plain) check_load(MMOE_E_FORMAT, bad_tensors[_i].message);
        check_load_weights(MMOE_E_FORMAT, bad_tensors[_i].message);
    }
}
END_TEST

/* ---- Weights of another program ---- */

START_TEST(weights_load_from_a_model_and_from_a_state_dict) {
    mmoe_error err = {0};
    mmoe_model *model = blank_model();
    ck_assert(!same_weights(model, sample));
    ck_assert_msg(!mmoe_model_load_weights(model, file, &err), "%s", err.message);
    ck_assert(same_weights(model, sample));
    mmoe_model_free(model);
    edit e;
    begin_edit(&e);
    int single = 0;
    for (size_t i = 0; i < e.count; i++) { /* [] and [1] change places; vocabularies go */
        mmoe_container_tensor *t = &e.tensors[i];
        if (t->bytes == (t->dtype == MMOE_I64 ? 8 : 4) && t->rank <= 1) {
            t->rank = !t->rank;
            t->shape[0] = 1;
            single++;
        }
        if (!strncmp(t->name, "vocab.", 6)) memmove(t, t + 1, (--e.count - i) * sizeof *t), i--;
    }
    ck_assert_int_gt(single, 5);
    end_edit(&e, true);
    model = blank_model();
    ck_assert_msg(!mmoe_model_load_weights(model, other, &err), "%s", err.message);
    ck_assert(same_weights(model, sample));
    mmoe_model_free(model);
    check_load(MMOE_E_FORMAT, "no model of mmoe, but a safetensors file; `mmoe import` makes a "
                              "model of torch-rechub's weights");
}
END_TEST

START_TEST(checksum_is_checked_where_there_is_one) {
    size_t size;
    char *bytes = get_file(file, &size);
    bytes[size - 20] ^= 1;
    put_file(other, bytes, size);
    check_load(MMOE_E_FORMAT, "the checksum does not agree: the file is damaged");
    check_load_weights(MMOE_E_FORMAT, "the checksum does not agree: the file is damaged");
    free(bytes);
}
END_TEST

/* ---- Metadata that lie ---- */

static char replaced[8192];

/* Replaces `from`, which stands there, by `to` in a metadata value. */
static void replace(edit *e, int key, const char *from, const char *to) {
    const char *value = e->values[key], *at = strstr(value, from);
    ck_assert_msg(at != NULL, "no %s", from);
    snprintf(replaced, sizeof replaced, "%.*s%s%s", (int)(at - value), value, to,
             at + strlen(from));
    e->values[key] = replaced;
}

static const struct {
    int key;
    const char *from, *to; /* from NULL: the whole value */
    mmoe_status status;
    const char *message;
} bad_metadata[] = {
    {FORMAT, NULL, "pt", MMOE_E_FORMAT, "no model of mmoe, but a safetensors file"},
    {FORMAT_VERSION, NULL, "2", MMOE_E_VERSION, "in format version 2; mmoe"},
    {FORMAT_VERSION, NULL, "0", MMOE_E_FORMAT,
     "its metadata have no format_version, or one that is no positive number"},
    {FORMAT_VERSION, NULL, "1x", MMOE_E_FORMAT,
     "its metadata have no format_version, or one that is no positive number"},
    {CONFIG, NULL, "", MMOE_E_FORMAT, "its configuration: "},
    {CONFIG, NULL, "{}", MMOE_E_FORMAT, "its configuration: "},
    {CONFIG, "\"n_expert\": 2", "\"n_expert\":0", MMOE_E_FORMAT, "n_expert"},
    {CONFIG, "\"n_expert\": 2", "\"n_expert\":3", MMOE_E_FORMAT,
     "tensor \"experts.2.mlp.0.weight\" is missing"},
    {CONFIG, "\"n_expert\": 2", "\"n_expert\":4096", MMOE_E_FORMAT, "tensor "},
    {CONFIG, "4,\n        3\n", "65536,65536,65536,65536", MMOE_E_FORMAT, "tensor "},
    {CONFIG, "\"value\"", "\"worth\"", MMOE_E_FORMAT,
     "its configuration and its schema name different tasks"},
    {CONFIG, "\"regression\"", "\"classification\"", MMOE_E_FORMAT,
     "its configuration and its schema name different tasks"},
    {SCHEMA, NULL, "{", MMOE_E_FORMAT, "its schema is not valid JSON: "},
    {SCHEMA, NULL, "{}", MMOE_E_FORMAT, "schema: "},
    {SCHEMA, NULL, "[]", MMOE_E_FORMAT, "schema: "},
    {SCHEMA, "\"rows\":5", "\"rows\":2147483647", MMOE_E_FORMAT,
     "tensor \"embedding.embed_dict.slot.weight\": its shape is [5, 2], the model's is "
     "[2147483647, 2]"},
    {SCHEMA, "\"rows\":4", "\"rows\":5", MMOE_E_FORMAT,
     "tensor \"vocab.user.keys\": its type or its shape is not that of its table's vocabulary"},
    {SCHEMA, "\"dim\":3", "\"dim\":4", MMOE_E_FORMAT,
     "tensor \"embedding.embed_dict.user.weight\": its shape is [4, 3], the model's is [4, 4]"},
    {SCHEMA, "\"vocabulary\":\"int\"", "\"vocabulary\":\"string\"", MMOE_E_FORMAT,
     "tensor \"vocab.user.offsets\" is missing"},
    {SCHEMA, "\"vocabulary\":\"int\"", "\"vocabulary\":\"none\"", MMOE_E_FORMAT,
     "tensor \"vocab.user.keys\" is too many"},
    {SCHEMA, "\"name\":\"town\"", "\"name\":\"city\"", MMOE_E_FORMAT,
     "tensor \"vocab.city.offsets\" is missing"},
};

START_TEST(metadata_that_lie_are_refused) {
    edit e;
    begin_edit(&e);
    if (bad_metadata[_i].from)
        replace(&e, bad_metadata[_i].key, bad_metadata[_i].from, bad_metadata[_i].to);
    else
        e.values[bad_metadata[_i].key] = bad_metadata[_i].to;
    end_edit(&e, false);
    check_load(bad_metadata[_i].status, bad_metadata[_i].message);
}
END_TEST

static const int64_t twice[] = {-7, 12, -7}, beyond[] = {0, 7, 11, 15}, falling[] = {0, 11, 7, 14},
                     late[] = {1, 7, 11, 14}, zero_keys[] = {0, 7, 7, 14};

static const struct {
    const char *tensor;
    const int64_t *data;
    const char *message;
} bad_vocabularies[] = {
    {"vocab.user.keys", twice, "the vocabulary of \"user\": "},
    {"vocab.town.offsets", beyond, "the vocabulary of \"town\": "},
    {"vocab.town.offsets", falling, "the vocabulary of \"town\": "},
    {"vocab.town.offsets", late, "the vocabulary of \"town\": "},
    {"vocab.town.offsets", zero_keys, "the vocabulary of \"town\": "},
};

START_TEST(vocabularies_that_lie_are_refused) {
    edit e;
    begin_edit(&e);
    find(&e, bad_vocabularies[_i].tensor)->data = bad_vocabularies[_i].data;
    end_edit(&e, false);
    check_load(MMOE_E_FORMAT, bad_vocabularies[_i].message);
}
END_TEST

/* One bit changed in bytes of the header and of the data: the checksum or an earlier check sees it.
 */
START_TEST(no_changed_bit_goes_unseen) {
    size_t size, header;
    char *bytes = get_file(file, &size);
    header = 8 + (unsigned char)bytes[0] + 256 * (size_t)(unsigned char)bytes[1];
    for (size_t at = 0; at < size; at += at < header ? 5 : 11) {
        char bit = (char)(1 << at * 5 % 8);
        bytes[at] ^= bit;
        put_file(other, bytes, size);
        bytes[at] ^= bit;
        mmoe_model *model = NULL;
        mmoe_error err;
        mmoe_status status = mmoe_model_load(other, NULL, &model, &err);
        ck_assert_msg(status == MMOE_E_FORMAT || status == MMOE_E_VERSION, "byte %zu: status %d",
                      at, status);
        ck_assert_ptr_null(model);
    }
    free(bytes);
}
END_TEST

START_TEST(a_model_cut_anywhere_is_refused) {
    size_t size;
    char *bytes = get_file(file, &size);
    for (size_t length = 0; length < size; length += length < 64 ? 1 : 61) {
        put_file(other, bytes, length);
        mmoe_model *model = NULL;
        ck_assert_int_eq(mmoe_model_load(other, NULL, &model, NULL), MMOE_E_FORMAT);
        ck_assert_ptr_null(model);
    }
    free(bytes);
}
END_TEST

/* ---- Arguments and places ---- */

START_TEST(arguments_and_paths_are_checked) {
    mmoe_model *model = NULL;
    mmoe_error err;
    ck_assert_int_eq(mmoe_model_load(NULL, NULL, &model, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_model_load(file, NULL, NULL, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_model_save(NULL, file, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_model_save(sample, NULL, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_model_load_weights(NULL, file, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_model_load_weights(sample, NULL, &err), MMOE_E_ARGUMENT);
    unlink(other);
    check_load(MMOE_E_IO, ": cannot read: No such file or directory");
    check_load_weights(MMOE_E_IO, ": cannot read: No such file or directory");
    strcat(other, "/none/m.safetensors");
    ck_assert_int_eq(mmoe_model_save(sample, other, &err), MMOE_E_IO);
    check_message(&err, MMOE_E_IO, ": cannot write: No such file or directory");
    ck_assert_ptr_null(model);
}
END_TEST

START_TEST(weights_that_are_not_finite_are_not_saved) {
    size_t size, after;
    char *bytes = get_file(file, &size);
    const mmoe_tensor *t = mmoe_tensors_find(&sample->graph->tensors, variance);
    float *var = mmoe_params_at(&sample->params, t), old = var[t->count - 1];
    const float bad[] = {NAN, INFINITY, -1};
    for (int i = 0; i < 3; i++) {
        mmoe_error err = {0};
        var[t->count - 1] = bad[i];
        ck_assert_int_eq(mmoe_model_save(sample, file, &err), MMOE_E_NUMERIC);
        ck_assert_ptr_nonnull(strstr(
            err.message, "tensor \"experts.0.mlp.1.running_var\" has a value that is not finite"));
    }
    var[t->count - 1] = old;
    char *again = get_file(file, &after);
    ck_assert_uint_eq(after, size);
    ck_assert_mem_eq(again, bytes, size);
    free(bytes);
    free(again);
}
END_TEST

/* ---- Memory that runs out ---- */

START_TEST(every_allocation_of_load_may_fail) {
    failing memory = {.and_after = _i, .stride = _i ? 3 : 1};
    const mmoe_allocator alloc = failing_allocator(&memory);
    long calls = 0;
    failing_json(&memory);
    for (; failing_next(&memory); calls = memory.calls) {
        mmoe_model *model = NULL;
        mmoe_error err = {0};
        mmoe_status status = mmoe_model_load(file, &alloc, &model, &err);
        failing_check(&memory, status, &err);
        ck_assert((model != NULL) == (status == MMOE_OK));
        if (model) ck_assert(same_weights(model, sample));
        mmoe_model_free(model);
        ck_assert_int_eq(memory.live, 0);
    }
    ck_assert_int_gt(calls, 500);
    failing_json(NULL);
}
END_TEST

START_TEST(every_allocation_of_save_and_load_weights_may_fail) {
    failing memory = {0};
    const mmoe_allocator alloc = failing_allocator(&memory);
    mmoe_model *model = new_model(config_json, &alloc), *blank = blank_model();
    const long live = memory.live;
    size_t size, size_again;
    char *bytes = get_file(file, &size);
    memory.and_after = _i;
    memory.stride = _i ? 3 : 1;
    failing_json(&memory);
    for (int loading = 0; loading < 2; loading++) {
        long calls = 0;
        for (; failing_next(&memory); calls = memory.calls) {
            mmoe_error err = {0};
            unlink(other);
            mmoe_params_copy(&model->params, loading ? &blank->params : &sample->params);
            mmoe_status status = loading ? mmoe_model_load_weights(model, file, &err)
                                         : mmoe_model_save(model, other, &err);
            failing_check(&memory, status, &err);
            ck_assert_int_eq(memory.live, live);
            if (loading)
                ck_assert(same_weights(model, status ? blank : sample));
            else
                ck_assert_int_eq(access(other, F_OK), status ? -1 : 0);
            if (!loading && !status) {
                char *again = get_file(other, &size_again);
                ck_assert_uint_eq(size_again, size);
                ck_assert_mem_eq(again, bytes, size);
                free(again);
            }
        }
        ck_assert_int_gt(calls, 20);
    }
    failing_json(NULL);
    free(bytes);
    mmoe_model_free(model);
    mmoe_model_free(blank);
}
END_TEST

#define ROWS(array) (int)(sizeof(array) / sizeof *(array))

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, checksum_known_answers);
    tcase_add_test(c, loaded_model_is_the_saved_one);
    tcase_add_test(c, tensors_of_a_file_are_aligned);
    tcase_add_loop_test(c, bad_tensors_are_named, 0, ROWS(bad_tensors));
    tcase_add_test(c, weights_load_from_a_model_and_from_a_state_dict);
    tcase_add_test(c, checksum_is_checked_where_there_is_one);
    tcase_add_loop_test(c, metadata_that_lie_are_refused, 0, ROWS(bad_metadata));
    tcase_add_loop_test(c, vocabularies_that_lie_are_refused, 0, ROWS(bad_vocabularies));
    tcase_add_test(c, no_changed_bit_goes_unseen);
    tcase_add_test(c, a_model_cut_anywhere_is_refused);
    tcase_add_test(c, arguments_and_paths_are_checked);
    tcase_add_test(c, weights_that_are_not_finite_are_not_saved);
    tcase_add_loop_test(c, every_allocation_of_load_may_fail, 0, 2);
    tcase_add_loop_test(c, every_allocation_of_save_and_load_weights_may_fail, 0, 2);
}
