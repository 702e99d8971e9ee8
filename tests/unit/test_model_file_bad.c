/* model files that were changed, cut or made by others: each fault is named, nothing is loaded by
 * halves */
#include "model_file_support.h"

/* ---- Changed files ---- */

/* The sample's file, taken apart. */
typedef struct edit {
    mmoe_container *file;
    mmoe_container_tensor tensors[128];
    size_t count;
    const char *values[MMOE_FILE_COVERED];
} edit;

enum { FORMAT, FORMAT_VERSION, VERSION, CONFIG, SCHEMA, META };

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
    size_t n = 0;
    metadata[n++] = "checksum";
    metadata[n++] = checksum;
    for (int i = 0; i < MMOE_FILE_COVERED && e->values[i]; i++) {
        metadata[n++] = mmoe_file_covered[i];
        metadata[n++] = e->values[i];
    }
    metadata[n] = NULL;
    ck_assert_int_eq(
        mmoe_container_write(other, e->tensors, e->count, plain ? NULL : metadata, NULL, NULL),
        MMOE_OK);
    mmoe_container_close(e->file);
}

static const char experts_weight[] = "experts.1.mlp.0.weight",
                  mean[] = "experts.0.mlp.1.running_mean",
                  variance[] = "experts.0.mlp.1.running_var",
                  counter[] = "towers.1.mlp.1.num_batches_tracked";
static float values[4096];
static const int64_t negative = -1, too_many = ((int64_t)1 << 62) + 1, endless = INT64_MAX;

static void remove_named(edit *e, const char *name) {
    mmoe_container_tensor *t = find(e, name);
    memmove(t, t + 1, (size_t)(e->tensors + e->count - (t + 1)) * sizeof *t);
    e->count--;
}

static void remove_tensor(edit *e) { remove_named(e, mean); }

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

/* ---- Narrow tables ---- */

static const char rows_name[] = "embedding.embed_dict.user.weight",
                  scale_name[] = "embedding.embed_dict.user.weight_scale";

static void remove_scales(edit *e) { remove_named(e, scale_name); }

static void shorten_scales(edit *e) {
    mmoe_container_tensor *t = find(e, scale_name);
    t->shape[0]--;
    t->bytes -= sizeof(float);
}

static void flatten_scales(edit *e) { find(e, scale_name)->rank = 1; }
static void retype_scales(edit *e) { find(e, scale_name)->dtype = MMOE_I32; }
static void set_negative_scale(edit *e) { set_value(e, scale_name, 2, -1e-30f); }
static void set_nan_scale(edit *e) { set_value(e, scale_name, 0, NAN); }
static void set_large_scale(edit *e) { set_value(e, scale_name, 3, 3e36f); }

static void drop_a_column(edit *e) {
    mmoe_container_tensor *t = find(e, rows_name);
    t->bytes = t->bytes / 3 * 2;
    t->shape[1] = 2;
}

static void narrow_a_layer(edit *e) {
    mmoe_container_tensor *t = find(e, experts_weight);
    t->dtype = MMOE_I8;
    t->bytes /= sizeof(float);
}

static void set_infinite_half(edit *e) {
    static uint16_t halves[64];
    mmoe_container_tensor *t = find(e, rows_name);
    ck_assert_uint_le(t->bytes, sizeof halves);
    memcpy(halves, t->data, t->bytes);
    halves[7] = 0xff80;
    t->data = halves;
}

static void add_scales(edit *e) {
    e->tensors[e->count++] = (mmoe_container_tensor){scale_name, MMOE_F32, 2, {4, 1}, values, 16};
}

static const struct {
    void (*change)(edit *);
    const char *type, *message;
} bad_narrow[] = {
    {remove_scales, "int8",
     "tensor \"embedding.embed_dict.user.weight\": its type is I8, but "
     "\"embedding.embed_dict.user.weight_scale\" is missing"},
    {shorten_scales, "int8",
     "user.weight_scale\": F32 [3, 1] does not fit its table, whose 4 rows have a scale of F32"},
    {flatten_scales, "int8", "user.weight_scale\": F32 [4] does not fit its table"},
    {retype_scales, "int8", "user.weight_scale\": I32 [4, 1] does not fit its table"},
    {set_negative_scale, "int8",
     "user.weight_scale\": the scale of row 2 is negative, not finite or too large"},
    {set_nan_scale, "int8", "the scale of row 0 is negative, not finite or too large"},
    {set_large_scale, "int8", "the scale of row 3 is negative, not finite or too large"},
    {drop_a_column, "int8", "user.weight\": its shape is [4, 2], the model's is [4, 3]"},
    {drop_a_column, "bf16", "user.weight\": its shape is [4, 2], the model's is [4, 3]"},
    {set_infinite_half, "bf16", "user.weight\": value 7 is not finite"},
    {add_scales, "bf16", "user.weight_scale\" is too many: the model has none of this name"},
    {narrow_a_layer, "int8", "experts.1.mlp.0.weight\": its type is not F32 but I8"},
};

START_TEST(narrow_tables_that_lie_are_refused) {
    mmoe_error err = {0};
    mmoe_model *narrow;
    ck_assert_int_eq(mmoe_model_with_tables(sample, bad_narrow[_i].type, NULL, &narrow, &err), 0);
    ck_assert_int_eq(mmoe_model_save(narrow, file, &err), MMOE_OK);
    mmoe_model_free(narrow);
    edit e;
    begin_edit(&e);
    bad_narrow[_i].change(&e);
    end_edit(&e, false);
    check_load(MMOE_E_FORMAT, bad_narrow[_i].message);
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
        if (strncmp(t->name, "vocab.", 6) != 0) continue;
        memmove(t, t + 1, (--e.count - i) * sizeof *t);
        i--;
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
    {META, NULL, "{", MMOE_E_FORMAT, "its metadata are not valid JSON: "},
    {META, NULL, "[]", MMOE_E_FORMAT, "its metadata are no object"},
    {META, NULL, "{\"git\":7}", MMOE_E_FORMAT, "metadata \"git\": the value is no string"},
    {META, NULL, "{\"git\":\"a\",\"git\":\"b\"}", MMOE_E_FORMAT, "not valid JSON: duplicate"},
    {META, NULL, "{\"git\":\"a\\u0000b\"}", MMOE_E_FORMAT, "its metadata are not valid JSON: "},
    {META, NULL, "{\"a key\":\"\"}", MMOE_E_FORMAT,
     "metadata \"a key\": a key is 1 to 128 letters"},
    {META, NULL, "{\"training.rows\":3}", MMOE_E_FORMAT,
     "metadata \"training.rows\": the value is no string"},
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

/* In memory of just so many bytes, so that a sanitizer sees what is read behind them. */
static void refused_bytes(const char *bytes, size_t size) {
    char *just = malloc(size ? size : 1);
    mmoe_model *model = NULL;
    mmoe_error err = {0};
    ck_assert_ptr_nonnull(just);
    memcpy(just, bytes, size);
    const mmoe_status status = mmoe_model_load_bytes(just, size, NULL, &model, &err);
    ck_assert_msg(status == MMOE_E_FORMAT, "%zu bytes: status %d", size, status);
    ck_assert_ptr_null(model);
    ck_assert_int_gt(strlen(err.message), 0);
    free(just);
}

START_TEST(bytes_cut_anywhere_are_refused) {
    size_t size;
    char *bytes = get_file(file, &size);
    for (size_t length = 0; length < size; length++) refused_bytes(bytes, length);
    free(bytes);
}
END_TEST

/* Encrypted, whole or behind the header's length; and any bytes behind a length that may be. */
START_TEST(bytes_of_something_else_are_refused) {
    size_t size;
    char *bytes = get_file(file, &size);
    uint64_t stream = (uint64_t)_i + 1;
    for (size_t at = _i % 2 ? 8 : 0; at < size; at++) {
        stream = stream * 6364136223846793005u + 1442695040888963407u;
        bytes[at] = (char)(_i < 40 ? bytes[at] ^ (char)(stream >> 56) : (char)(stream >> 56));
    }
    for (size_t length = size; length > 4; length /= 3) refused_bytes(bytes, length);
    free(bytes);
}
END_TEST

#define ROWS(array) (int)(sizeof(array) / sizeof *(array))

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, bad_tensors_are_named, 0, ROWS(bad_tensors));
    tcase_add_loop_test(c, narrow_tables_that_lie_are_refused, 0, ROWS(bad_narrow));
    tcase_add_test(c, weights_load_from_a_model_and_from_a_state_dict);
    tcase_add_test(c, checksum_is_checked_where_there_is_one);
    tcase_add_loop_test(c, metadata_that_lie_are_refused, 0, ROWS(bad_metadata));
    tcase_add_loop_test(c, vocabularies_that_lie_are_refused, 0, ROWS(bad_vocabularies));
    tcase_add_test(c, no_changed_bit_goes_unseen);
    tcase_add_test(c, a_model_cut_anywhere_is_refused);
    tcase_add_test(c, bytes_cut_anywhere_are_refused);
    tcase_add_loop_test(c, bytes_of_something_else_are_refused, 0, 80);
}
