/* mmoe_model_export_weights: torch-rechub's state_dict */
#include "check_main.h"
#include "export_support.h"
#include "failing.h"
#include "file/container.h"

START_TEST(only_the_state_dict) {
    mmoe_model *model = export_model(NULL);
    mmoe_error err = {0};
    mmoe_container *c;
    ck_assert_msg(!mmoe_model_export_weights(model, file, &err), "%s", err.message);
    ck_assert_msg(!mmoe_container_open(file, false, NULL, &c, &err), "%s", err.message);
    ck_assert_ptr_null(mmoe_container_metadata(c, "format"));
    ck_assert_ptr_null(mmoe_container_metadata(c, "config"));
    mmoe_tensor_info info;
    size_t count = 0;
    for (; mmoe_model_tensor(model, count, &info) == 0; count++) {
        const mmoe_container_tensor *t = mmoe_container_find(c, info.name);
        ck_assert_msg(t, "%s is missing", info.name);
        ck_assert_int_eq(t->dtype, info.is_integer ? MMOE_I64 : MMOE_F32);
        ck_assert_int_eq(t->rank, info.rank);
        for (int32_t d = 0; d < info.rank; d++) ck_assert_int_eq(t->shape[d], info.shape[d]);
        ck_assert_mem_eq(t->data, info.data, t->bytes);
    }
    ck_assert_uint_eq(mmoe_container_count(c), count);
    const mmoe_container_tensor *tracked =
        mmoe_container_find(c, "towers.0.mlp.1.num_batches_tracked");
    ck_assert_int_eq(tracked->dtype, MMOE_I64);
    ck_assert_int_eq(tracked->rank, 0);
    ck_assert_ptr_null(mmoe_container_find(c, "embedding.embed_dict.friend.weight"));
    mmoe_container_close(c);
    mmoe_model_free(model);
}
END_TEST

START_TEST(comes_back) {
    mmoe_model *model = export_model(NULL), *other = export_model(NULL);
    mmoe_error err = {0};
    float *value;
    for (int64_t i = 0; (value = params_value(&other->params, i)); i++) *value = 0;
    memset(other->params.counters, 0,
           (size_t)other->params.n_counter * sizeof *other->params.counters);
    ck_assert_int_eq(mmoe_model_export_weights(model, file, NULL), MMOE_OK);
    ck_assert_msg(!mmoe_model_load_weights(other, file, &err), "%s", err.message);
    mmoe_tensor_info a, b;
    for (size_t i = 0; mmoe_model_tensor(model, i, &a) == 0; i++) {
        ck_assert_int_eq(mmoe_model_tensor(other, i, &b), 0);
        size_t values =
            (a.rank > 0 ? (size_t)a.shape[0] : 1) * (a.rank > 1 ? (size_t)a.shape[1] : 1);
        ck_assert_mem_eq(a.data, b.data, values * (a.is_integer ? 8 : 4));
    }
    mmoe_model_free(model);
    mmoe_model_free(other);
}
END_TEST

START_TEST(bad_calls) { refuse_calls(mmoe_model_export_weights, "mmoe_model_export_weights"); }
END_TEST

START_TEST(each_allocation_fails) {
    failing f = {0};
    mmoe_allocator alloc = failing_allocator(&f);
    mmoe_model *model = export_model(&alloc);
    const long live = f.live;
    while (failing_next(&f)) {
        mmoe_error err = {0};
        const mmoe_status status = mmoe_model_export_weights(model, file, &err);
        failing_check(&f, status, &err);
        ck_assert_int_eq(f.live, live);
        ck_assert_int_eq(access(file, F_OK), status ? -1 : 0);
    }
    mmoe_model_free(model);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_test(c, only_the_state_dict);
    tcase_add_test(c, comes_back);
    tcase_add_test(c, bad_calls);
    tcase_add_test(c, each_allocation_fails);
}
