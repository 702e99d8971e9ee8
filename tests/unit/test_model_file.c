/* the model file: save, load, load_weights */
#include "base/checksum.h"
#include "failing.h"
#include "model_file_support.h"
#include "succeeds.h"

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

/* ---- Texts of the caller's ---- */

static void check_texts(const mmoe_model *model) {
    const char *value = NULL;
    ck_assert_str_eq(mmoe_model_meta_at(model, 0, NULL), "empty");
    ck_assert_str_eq(mmoe_model_meta_at(model, 1, &value), "team/git");
    ck_assert_str_eq(value, "2ab4 \"\xc3\xbc\"\n");
    ck_assert_ptr_null(mmoe_model_meta_at(model, 2, &value));
    ck_assert_str_eq(mmoe_model_meta(model, "empty"), "");
    ck_assert_ptr_null(mmoe_model_meta(model, "git"));
}

START_TEST(texts_are_kept) {
    mmoe_model *model, *narrow;
    SUCCEEDS(mmoe_model_set_meta(sample, "team/git", "old", &err));
    SUCCEEDS(mmoe_model_set_meta(sample, "zone", "gone", &err));
    SUCCEEDS(mmoe_model_set_meta(sample, "empty", "", &err));
    SUCCEEDS(mmoe_model_set_meta(sample, "team/git", "2ab4 \"\xc3\xbc\"\n", &err));
    SUCCEEDS(mmoe_model_set_meta(sample, "zone", NULL, &err));
    check_texts(sample);
    SUCCEEDS(mmoe_model_save(sample, other, &err));
    SUCCEEDS(mmoe_model_load(other, NULL, &model, &err));
    check_texts(model);
    SUCCEEDS(mmoe_model_with_tables(model, "bf16", NULL, &narrow, &err));
    check_texts(narrow);
    mmoe_model_free(narrow);
    mmoe_model_free(model);
    ck_assert_ptr_null(mmoe_model_meta(NULL, "git"));
    ck_assert_ptr_null(mmoe_model_meta_at(NULL, 0, NULL));
}
END_TEST

START_TEST(texts_have_bounds) {
    static char long_value[65538], long_key[130];
    memset(long_value, 'v', sizeof long_value - 1);
    memset(long_key, 'k', sizeof long_key - 1);
    const char *const bad[][3] = {
        {"", "", "metadata \"\": a key is 1 to 128 letters"},
        {"a=b", "", "metadata \"a=b\": a key is"},
        {"gr\xc3\xbc", "", "a key is"},
        {long_key, "", "a key is"},
        {"training.rows", "7", "metadata \"training.rows\": keys that begin with \"training.\""},
        {"git", long_value, "metadata \"git\": the value has 65537 bytes, and may have 65536"},
        {"git", "\xff", "metadata \"git\": the value is not UTF-8"}};
    mmoe_error why = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(mmoe_model_set_meta(sample, bad[i][0], bad[i][1], &why), MMOE_E_ARGUMENT);
        ck_assert_msg(strstr(why.message, bad[i][2]) != NULL, "%s", why.message);
    }
    ck_assert_int_eq(mmoe_model_set_meta(NULL, "git", "", &why), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_model_set_meta(sample, NULL, "", &why), MMOE_E_ARGUMENT);
    ck_assert_ptr_null(mmoe_model_meta_at(sample, 0, NULL));
    char key[16];
    for (int i = 0; i < 256; i++) {
        snprintf(key, sizeof key, "k%d", i);
        SUCCEEDS(mmoe_model_set_meta(sample, key, long_value + 1, &err));
    }
    SUCCEEDS(mmoe_model_set_meta(sample, "k7", "another", &err));
    ck_assert_int_eq(mmoe_model_set_meta(sample, "one", "more", &why), MMOE_E_ARGUMENT);
    ck_assert_str_eq(why.message, "metadata \"one\": a model keeps at most 256 keys");
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
    const mmoe_tensor *t =
        mmoe_tensors_find(&sample->graph->tensors, "experts.0.mlp.1.running_var");
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

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, checksum_known_answers);
    tcase_add_test(c, loaded_model_is_the_saved_one);
    tcase_add_test(c, texts_are_kept);
    tcase_add_test(c, texts_have_bounds);
    tcase_add_test(c, tensors_of_a_file_are_aligned);
    tcase_add_test(c, arguments_and_paths_are_checked);
    tcase_add_test(c, weights_that_are_not_finite_are_not_saved);
    tcase_add_loop_test(c, every_allocation_of_load_may_fail, 0, 2);
    tcase_add_loop_test(c, every_allocation_of_save_and_load_weights_may_fail, 0, 2);
}
