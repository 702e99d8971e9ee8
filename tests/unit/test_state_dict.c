/* state_dicts as other programs write them: names behind wrappers' words, numbers of other
 * precision. */
#include <fenv.h>
#include <stdarg.h>

#include "model/state_dict.h"
#include "model_file_support.h"

enum { MOST = 128, NAME = 200 };

/* A state_dict of the sample: its tensors, each with memory of its own. */
typedef struct dict {
    mmoe_container_tensor tensors[MOST];
    char names[MOST][NAME];
    size_t count;
} dict;

static dict d;

static void begin_dict(void) {
    mmoe_container *c;
    ck_assert_int_eq(mmoe_container_open(file, false, NULL, &c, NULL), MMOE_OK);
    d.count = 0;
    for (size_t i = 0; i < mmoe_container_count(c); i++) {
        const mmoe_container_tensor *t = mmoe_container_at(c, i);
        if (!strncmp(t->name, "vocab.", 6)) continue;
        ck_assert_uint_lt(d.count, MOST);
        void *data = malloc(t->bytes * 2 + 8);
        memcpy(data, t->data, t->bytes);
        snprintf(d.names[d.count], NAME, "%s", t->name);
        d.tensors[d.count] = *t;
        d.tensors[d.count].name = d.names[d.count];
        d.tensors[d.count++].data = data;
    }
    mmoe_container_close(c);
}

static void end_dict(void) {
    mmoe_error err = {0};
    ck_assert_msg(!mmoe_container_write(other, d.tensors, d.count, NULL, NULL, &err), "%s",
                  err.message);
    for (size_t i = 0; i < d.count; i++) free((void *)(uintptr_t)d.tensors[i].data);
}

static mmoe_container_tensor *named(const char *name) {
    for (size_t i = 0; i < d.count; i++)
        if (!strcmp(d.names[i], name)) return &d.tensors[i];
    ck_abort_msg("no tensor %s", name);
    return NULL;
}

/* ---- Types ---- */

/* Rounded to nearest; infinite beyond. */
static uint16_t half_of(float x) {
    const double size = fabs((double)x);
    const int exponent = size >= 0x1p-14 ? ilogb(size) : -14;
    const int steps = (int)nearbyint(ldexp(size, 10 - exponent)), /* 1024 to 2048, or fewer */
        bits = (exponent + 14) * 1024 + steps;
    return (uint16_t)((bits > 0x7c00 ? 0x7c00 : bits) | (signbit(x) ? 0x8000 : 0));
}

static uint16_t brain_float_of(float x) { /* cut off */
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)(bits >> 16);
}

static void retype(mmoe_container_tensor *t, mmoe_dtype to) {
    char *out = malloc(t->bytes * 2 + 8);
    const size_t count = t->bytes / mmoe_dtype_size(t->dtype), size = mmoe_dtype_size(to);
    for (size_t i = 0; i < count; i++) {
        const double x = t->dtype == MMOE_I64 ? (double)((const int64_t *)t->data)[i]
                                              : (double)((const float *)t->data)[i];
        const float single = (float)x;
        const int32_t whole = (int32_t)x;
        const uint16_t half = to == MMOE_F16 ? half_of(single) : brain_float_of(single);
        const void *from = &half;
        if (to == MMOE_F64) from = &x;
        if (to == MMOE_F32) from = &single;
        if (to == MMOE_I32) from = &whole;
        memcpy(out + i * size, from, size);
    }
    free((void *)(uintptr_t)t->data);
    t->data = out;
    t->dtype = to;
    t->bytes = count * size;
}

/* The warnings of a model are these; NULL behind the last. */
static void check_warnings(const mmoe_model *model, ...) {
    va_list wanted;
    size_t i = 0;
    va_start(wanted, model);
    for (const char *text; (text = va_arg(wanted, const char *)); i++) {
        const mmoe_warning *warning = mmoe_model_warning(model, i);
        ck_assert_ptr_nonnull(warning);
        ck_assert_str_eq(warning->message, text);
        ck_assert_int_gt(warning->count, 0);
    }
    va_end(wanted);
    ck_assert_ptr_null(mmoe_model_warning(model, i));
}

static mmoe_model *import(void) {
    mmoe_model *model = blank_model();
    mmoe_error err = {0};
    ck_assert_msg(!mmoe_model_load_weights(model, other, &err), "%s", err.message);
    return model;
}

static const struct {
    mmoe_dtype floats, counters;
    const char *message;
    double error; /* relative */
} types[] = {
    {MMOE_F32, MMOE_I64, NULL, 0},
    {MMOE_F64, MMOE_I64, "are F64: rounded to single precision", 0},
    {MMOE_F64, MMOE_F64, "are F64: rounded to single precision", 0},
    {MMOE_F32, MMOE_F32, NULL, 0},
    {MMOE_F32, MMOE_I32, NULL, 0},
    {MMOE_F16, MMOE_I64, "are F16: widened to single precision", 0x1p-11},
    {MMOE_F16, MMOE_F16, "are F16: widened to single precision", 0x1p-11},
    {MMOE_BF16, MMOE_I64, "are BF16: widened to single precision", 0x1p-7},
    {MMOE_BF16, MMOE_BF16, "are BF16: widened to single precision", 0x1p-7},
};

static void check_near(const mmoe_model *a, const mmoe_model *b, double error) {
    const mmoe_tensors *t = &a->graph->tensors;
    for (size_t i = 0; i < t->count; i++) {
        if (t->items[i].kind == MMOE_TENSOR_COUNTER) continue;
        const float *x = mmoe_params_at(&a->params, &t->items[i]),
                    *y = mmoe_params_at(&b->params, &t->items[i]);
        for (int64_t k = 0; k < t->items[i].count; k++)
            if (fabs((double)x[k] - (double)y[k]) > error * fabs((double)y[k]) + 0x1p-25)
                ck_abort_msg("%s, %d: %g, not %g", t->items[i].name, (int)k, (double)x[k],
                             (double)y[k]);
    }
    ck_assert_mem_eq(a->params.counters, b->params.counters,
                     (size_t)a->params.n_counter * sizeof *a->params.counters);
}

START_TEST(types_are_converted_and_said) {
    begin_dict();
    size_t floats = 0;
    for (size_t i = 0; i < d.count; i++) {
        const bool counter = d.tensors[i].dtype == MMOE_I64;
        const mmoe_dtype to = counter ? types[_i].counters : types[_i].floats;
        floats += !counter;
        if (to != d.tensors[i].dtype) retype(&d.tensors[i], to);
    }
    const size_t all = d.count;
    end_dict();
    mmoe_model *model = import();
    if (types[_i].error > 0)
        check_near(model, sample, types[_i].error);
    else
        ck_assert(same_weights(model, sample));
    char message[200];
    snprintf(message, sizeof message, "%zu of %zu tensors %s", floats, all,
             types[_i].message ? types[_i].message : "");
    if (types[_i].message)
        check_warnings(model, message, NULL);
    else
        check_warnings(model, NULL);
    mmoe_error err = {0}; /* the next import says what is of it */
    ck_assert_msg(!mmoe_model_load_weights(model, file, &err), "%s", err.message);
    check_warnings(model, NULL);
    mmoe_model_free(model);
}
END_TEST

START_TEST(types_may_be_mixed) {
    begin_dict();
    const size_t all = d.count;
    retype(named("experts.0.mlp.0.weight"), MMOE_F64);
    retype(named("experts.1.mlp.0.weight"), MMOE_F16);
    retype(named("experts.0.mlp.0.bias"), MMOE_F16);
    retype(named("experts.1.mlp.0.bias"), MMOE_BF16);
    end_dict();
    mmoe_model *model = import();
    char f64[100], f16[100], bf16[100];
    snprintf(f64, sizeof f64, "1 of %zu tensors are F64: rounded to single precision", all);
    snprintf(f16, sizeof f16, "2 of %zu tensors are F16: widened to single precision", all);
    snprintf(bf16, sizeof bf16, "1 of %zu tensors are BF16: widened to single precision", all);
    check_warnings(model, f64, f16, bf16, NULL);
    mmoe_model_free(model);
}
END_TEST

/* Every half number: infinities, those of full precision, the small ones. */
START_TEST(half_numbers_are_exact) {
    static uint16_t bits[1 << 16];
    static float out[1 << 16];
    for (int i = 0; i < 1 << 16; i++) bits[i] = (uint16_t)i;
    mmoe_container_tensor t = {"t", MMOE_F16, 1, {1 << 16}, bits, sizeof bits};
    ck_assert_int_eq(mmoe_state_floats(&t, 1 << 16, "f", out, NULL), MMOE_OK);
    for (int i = 0; i < 1 << 16; i++) {
        const int exponent = i >> 10 & 31, rest = i & 1023;
        float size = (float)rest / 1024 * 0x1p-14F;
        if (exponent) size = (1 + (float)rest / 1024) * (float)exp2(exponent - 15);
        if (exponent == 31) size = rest ? NAN : INFINITY;
        const float wanted = i >> 15 ? -size : size;
        ck_assert_msg(isnan(wanted) ? isnan(out[i]) : memcmp(&out[i], &wanted, 4) == 0,
                      "%04x: %g, not %g", (unsigned)i, (double)out[i], (double)wanted);
    }
    t.dtype = MMOE_BF16;
    ck_assert_int_eq(mmoe_state_floats(&t, 1 << 16, "f", out, NULL), MMOE_OK);
    for (int i = 0; i < 1 << 16; i++) {
        const uint32_t whole = (uint32_t)i << 16;
        ck_assert(isnan(out[i]) || memcmp(&out[i], &whole, 4) == 0);
    }
}
END_TEST

START_TEST(doubles_are_rounded_to_nearest) {
    const double in[] = {0.1,   1 + 0x1p-24, 1 + 0x3p-24, 0x1.fffffefffffffp127, -0x1.fffffep127,
                         1e-60, 0x1p-149,    0x1.8p-150};
    const float wanted[] = {0.1F, 1,         1 + 0x1p-22F, 0x1.fffffep127F, -0x1.fffffep127F,
                            0,    0x1p-149F, 0x1p-149F};
    enum { COUNT = sizeof in / sizeof *in };
    float out[COUNT];
    const mmoe_container_tensor t = {"t", MMOE_F64, 1, {COUNT}, in, sizeof in};
    ck_assert_int_eq(mmoe_state_floats(&t, COUNT, "f", out, NULL), MMOE_OK);
    ck_assert_mem_eq(out, wanted, sizeof wanted);
}
END_TEST

static const struct {
    double value;
    const char *message;
} bad_doubles[] = {
    {1e39, "tensor \"experts.1.mlp.0.weight\": value 5, 1e+39, is too large for single precision"},
    {-1.7e308, "value 5, -1.7e+308, is too large for single precision"},
    {0x1.ffffffp127, "value 5, 3.40282e+38, is too large for single precision"},
    {(double)NAN, "tensor \"experts.1.mlp.0.weight\": value 5 is not finite"},
    {(double)INFINITY, "tensor \"experts.1.mlp.0.weight\": value 5 is not finite"},
};

START_TEST(what_single_precision_cannot_hold_is_named) {
    begin_dict();
    mmoe_container_tensor *t = named("experts.1.mlp.0.weight");
    retype(t, MMOE_F64);
    ((double *)(uintptr_t)t->data)[5] = bad_doubles[_i].value;
    end_dict();
    feclearexcept(FE_ALL_EXCEPT);
    check_load_weights(MMOE_E_FORMAT, bad_doubles[_i].message);
    ck_assert(!fetestexcept(FE_OVERFLOW));
}
END_TEST

START_TEST(what_half_precision_cannot_hold_is_named) {
    begin_dict();
    mmoe_container_tensor *t = named("experts.1.mlp.0.weight");
    ((float *)(uintptr_t)t->data)[7] = 70000; /* infinite in half precision */
    retype(t, MMOE_F16);
    end_dict();
    check_load_weights(MMOE_E_FORMAT, "tensor \"experts.1.mlp.0.weight\": value 7 is not finite");
}
END_TEST

static const char counter[] = "towers.1.mlp.1.num_batches_tracked";

START_TEST(counts_are_whole_numbers) {
    static const double bad[] = {0.5, 1e30, -1, 0x1p62 + 0x1p12};
    static const char *const messages[] = {"its type is not I64 but F64",
                                           "its type is not I64 but F64",
                                           "the count -1 is negative", "is above 2^62"};
    begin_dict();
    retype(named(counter), MMOE_F64);
    *(double *)(uintptr_t)named(counter)->data = bad[_i];
    end_dict();
    check_load_weights(MMOE_E_FORMAT, messages[_i]);
}
END_TEST

/* Not a weight's. */
START_TEST(other_types_are_refused) {
    static const mmoe_dtype refused[] = {MMOE_I32, MMOE_I64, MMOE_U8};
    static const char *const messages[] = {
        "its type is not F32 but I32", "its type is not F32 but I64", "its type is not F32 but U8"};
    begin_dict();
    mmoe_container_tensor *t = named("experts.1.mlp.0.bias");
    if (_i < 3) {
        t->dtype = refused[_i];
        t->bytes = (size_t)t->shape[0] * mmoe_dtype_size(t->dtype);
        end_dict();
        check_load_weights(MMOE_E_FORMAT, messages[_i]);
        return;
    }
    end_dict();
    size_t size;
    char *bytes = get_file(other, &size), *at = bytes;
    static const char *const unknown[] = {"I16", "I8_", "C64"};
    while (memcmp(at, "F32", 3) != 0) at++;
    memcpy(at, unknown[_i - 3], 3);
    put_file(other, bytes, size);
    free(bytes);
    char message[64];
    snprintf(message, sizeof message, "type %s is not supported", unknown[_i - 3]);
    check_load_weights(MMOE_E_FORMAT, message);
}
END_TEST

/* A model file of ours has no such types. */
START_TEST(a_model_file_is_as_it_was_written) {
    size_t size;
    char *bytes = get_file(file, &size), *at = bytes;
    while (memcmp(at, "embedding.embed_dict.user.weight\":{\"dtype\":\"F32\"", 48) != 0) at++;
    memcpy(at + 44, "I32", 3);
    put_file(other, bytes, size);
    free(bytes);
    check_load(MMOE_E_FORMAT, "its type is not F32");
}
END_TEST

/* ---- Padding ---- */

/* The sample's model, its table "slot" with a padding row, 3. */
static mmoe_model *padded_model(void) {
    static const char key[] = "\"vocab_size\": 5";
    char text[2048];
    const char *at = strstr(config_json, key);
    snprintf(text, sizeof text, "%.*s\"padding_idx\": 3, %s", (int)(at - config_json), config_json,
             at);
    return new_model(text, NULL);
}

START_TEST(a_padding_row_that_is_not_0_is_kept_and_said) {
    mmoe_error err = {0};
    mmoe_model *model = padded_model();
    ck_assert_msg(!mmoe_model_load_weights(model, file, &err), "%s", err.message);
    check_warnings(
        model,
        "1 of 3 tables have a padding row that is not 0 "
        "(\"embedding.embed_dict.slot.weight\", row 3): it is kept, and no part of lists",
        NULL);
    ck_assert(same_weights(model, sample));
    begin_dict();
    mmoe_container_tensor *t = named("embedding.embed_dict.slot.weight");
    memset((float *)(uintptr_t)t->data + 3 * 2, 0, 2 * sizeof(float));
    end_dict();
    ck_assert_msg(!mmoe_model_load_weights(model, other, &err), "%s", err.message);
    check_warnings(model, NULL);
    mmoe_model_free(model);
}
END_TEST

/* ---- Names ---- */

static const struct {
    const char *prefix, *message;
} prefixes[] = {
    {"module.", "(\"module.\")"},
    {"_orig_mod.", "(\"_orig_mod.\")"},
    {"module._orig_mod.", "(\"module._orig_mod.\")"},
    {"_orig_mod.module.", "(\"_orig_mod.module.\")"},
    {"module.module.", "(\"module.module.\")"},
    {"_forward_module._orig_mod.", "(\"_forward_module._orig_mod.\")"},
    {"_fsdp_wrapped_module.", "(\"_fsdp_wrapped_module.\")"},
};

static void rename_all(const char *prefix) {
    for (size_t i = 0; i < d.count; i++) {
        const size_t length = strlen(prefix), old = strlen(d.names[i]) + 1;
        ck_assert_uint_le(length + old, NAME);
        memmove(d.names[i] + length, d.names[i], old);
        memcpy(d.names[i], prefix, length);
    }
}

START_TEST(names_behind_wrappers_are_found) {
    begin_dict();
    rename_all(prefixes[_i].prefix);
    const size_t all = d.count;
    end_dict();
    mmoe_model *model = import();
    char message[200];
    snprintf(message, sizeof message,
             "%zu of %zu tensors have words of a wrapper in their names %s, which were passed over",
             all, all, prefixes[_i].message);
    ck_assert(same_weights(model, sample));
    check_warnings(model, message, NULL);
    mmoe_model_free(model);
}
END_TEST

/* Of a part that was compiled or spread by itself; one name is the model's own. */
START_TEST(names_within_are_found) {
    begin_dict();
    const char *const from = "experts.";
    for (size_t i = 0; i < d.count; i++)
        if (!strncmp(d.names[i], from, strlen(from))) {
            char rest[NAME];
            snprintf(rest, sizeof rest, "%s", d.names[i] + 10);
            snprintf(d.names[i] + 10, NAME - 10, "_orig_mod.%.150s", rest);
        }
    end_dict();
    mmoe_model *model = import();
    ck_assert(same_weights(model, sample));
    ck_assert_ptr_nonnull(strstr(mmoe_model_warning(model, 0)->message, "(\"experts.0._orig_mod."));
    ck_assert_ptr_null(mmoe_model_warning(model, 1));
    mmoe_model_free(model);
}
END_TEST

START_TEST(both_names_and_types) {
    begin_dict();
    for (size_t i = 0; i < d.count; i++) retype(&d.tensors[i], MMOE_F64);
    rename_all("module._orig_mod.");
    end_dict();
    mmoe_model *model = import();
    ck_assert(same_weights(model, sample));
    ck_assert_ptr_nonnull(strstr(mmoe_model_warning(model, 0)->message, "are F64"));
    ck_assert_ptr_nonnull(strstr(mmoe_model_warning(model, 1)->message, "module._orig_mod."));
    mmoe_model_free(model);
}
END_TEST

static void other_prefix(void) { rename_all("net."); }
static void twice(void) {
    mmoe_container_tensor t = *named("experts.1.mlp.0.bias");
    void *copy = malloc(t.bytes);
    memcpy(copy, t.data, t.bytes);
    snprintf(d.names[d.count], NAME, "module.%s", t.name);
    t.name = d.names[d.count];
    t.data = copy;
    d.tensors[d.count++] = t;
}
static void one_missing(void) {
    rename_all("module.");
    free((void *)(uintptr_t)d.tensors[--d.count].data);
}

static const struct {
    void (*change)(void);
    const char *message;
} bad_names[] = {
    {other_prefix, "\" is missing; the file has \"net."},
    {twice, "tensor \"module.experts.1.mlp.0.bias\" is too many: the model has none of this name"},
    {one_missing, "\" is missing"},
};

START_TEST(other_names_are_refused) {
    begin_dict();
    bad_names[_i].change();
    end_dict();
    check_load_weights(MMOE_E_FORMAT, bad_names[_i].message);
}
END_TEST

/* A table may have a wrapper's word as its name. */
START_TEST(a_word_may_be_a_name) {
    static const char *const found[] = {"module.embed.module.weight", "embed.module.weight",
                                        "embed.module.module.weight"};
    for (int i = 0; i < 3; i++) {
        const float x = 1;
        const mmoe_container_tensor t[] = {{found[i], MMOE_F32, 1, {1}, &x, 4},
                                           {"embed.other.weight", MMOE_F32, 1, {1}, &x, 4}};
        mmoe_container *c;
        mmoe_state_names names = {0};
        ck_assert_int_eq(mmoe_container_write(other, t, 2, NULL, NULL, NULL), MMOE_OK);
        ck_assert_int_eq(mmoe_container_open(other, false, NULL, &c, NULL), MMOE_OK);
        const mmoe_container_tensor *at = mmoe_state_find(c, &names, "embed.module.weight");
        ck_assert_ptr_nonnull(at);
        ck_assert_str_eq(at->name, found[i]);
        ck_assert_int_eq(names.wrapped, i != 1);
        ck_assert_ptr_null(mmoe_state_find(c, &names, "embed.modules.weight"));
        ck_assert_ptr_null(mmoe_state_find(c, &names, "embed.weights"));
        mmoe_container_close(c);
    }
}
END_TEST

#define COUNT_OF(list) (int)(sizeof(list) / sizeof *(list))

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, types_are_converted_and_said, 0, COUNT_OF(types));
    tcase_add_test(c, types_may_be_mixed);
    tcase_add_test(c, half_numbers_are_exact);
    tcase_add_test(c, doubles_are_rounded_to_nearest);
    tcase_add_loop_test(c, what_single_precision_cannot_hold_is_named, 0, COUNT_OF(bad_doubles));
    tcase_add_test(c, what_half_precision_cannot_hold_is_named);
    tcase_add_loop_test(c, counts_are_whole_numbers, 0, 4);
    tcase_add_loop_test(c, other_types_are_refused, 0, 6);
    tcase_add_test(c, a_model_file_is_as_it_was_written);
    tcase_add_test(c, a_padding_row_that_is_not_0_is_kept_and_said);
    tcase_add_loop_test(c, names_behind_wrappers_are_found, 0, COUNT_OF(prefixes));
    tcase_add_test(c, names_within_are_found);
    tcase_add_test(c, both_names_and_types);
    tcase_add_loop_test(c, other_names_are_refused, 0, COUNT_OF(bad_names));
    tcase_add_test(c, a_word_may_be_a_name);
}
