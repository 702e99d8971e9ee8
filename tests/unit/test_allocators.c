/* Every public function that takes an allocator refuses one that lacks a function, in its own
 * name. */
#include "base/comm.h"
#include "check_main.h"
#include "files.h"
#include "mmoe/arrow.h"
#include "training_support.h"

static mmoe_allocator alloc;
static mmoe_model *model;
static mmoe_predictor *predictor;
static const char json[] =
    "{\"features\": {\"dense\": [{\"name\": \"d\"}]}, \"tasks\": [{\"name\": "
    "\"y\", \"label\": \"y\"}]}";

/* What a call would make; it must not. */
static mmoe_config *a_config;
static mmoe_schema *a_schema;
static mmoe_dataset *a_set;
static mmoe_model *a_model;
static mmoe_predictor *a_predictor;
static mmoe_slot *a_slot;
static mmoe_input *an_input;
static mmoe_expression *an_expression;
static mmoe_trainer *a_trainer;
static mmoe_profile *a_profile;
static mmoe_inspection *an_inspection;
static mmoe_estimate *an_estimate;
static double rate;

/* One that must be released, and nothing else. */
static int streams;
static void release_stream(struct ArrowArrayStream *s) {
    s->release = NULL;
    streams--;
}
static struct ArrowArrayStream *new_stream(void) {
    static struct ArrowArrayStream stream;
    ck_assert_int_eq(streams, 0);
    streams++;
    stream = (struct ArrowArrayStream){.release = release_stream};
    return &stream;
}

#define TAKERS(X)                                                                                  \
    X(mmoe_config_parse, (json, sizeof json - 1, NULL, &alloc, &a_config, err))                    \
    X(mmoe_config_read, (in_folder("c.json"), &alloc, &a_config, err))                             \
    X(mmoe_dataset_fit_csv, (config, in_folder("d.csv"), &alloc, &a_schema, &a_set, err))          \
    X(mmoe_dataset_fit_arrow, (config, new_stream(), &alloc, &a_schema, &a_set, err))              \
    X(mmoe_dataset_from_arrow, (schema, new_stream(), MMOE_LABELS_REQUIRED, &alloc, &a_set, err))  \
    X(mmoe_dataset_read_csv,                                                                       \
      (schema, in_folder("d.csv"), MMOE_LABELS_REQUIRED, &alloc, &a_set, err))                     \
    X(mmoe_dataset_fit_csv_with,                                                                   \
      (config, in_folder("d.csv"), NULL, &alloc, &a_schema, &a_set, err))                          \
    X(mmoe_dataset_read_csv_with, (schema, in_folder("d.csv"), NULL, &alloc, &a_set, err))         \
    X(mmoe_dataset_grow_csv, (schema, in_folder("d.csv"), NULL, &alloc, &a_schema, &a_set, err))   \
    X(mmoe_schema_create, (config, columns, 4, &alloc, &a_schema, err))                            \
    X(mmoe_dataset_create, (schema, &batch, labels, NULL, &alloc, &a_set, err))                    \
    X(mmoe_dataset_pack, (rows, schema, in_folder("p"), 1, &alloc, err))                           \
    X(mmoe_dataset_append, (rows, in_folder("p"), 1, &alloc, err))                                 \
    X(mmoe_pack_csv, (&packing, &alloc, &a_set, err))                                              \
    X(mmoe_dataset_fit_packed, (config, in_folder("p"), 0, &alloc, &a_schema, &a_set, err))        \
    X(mmoe_dataset_read_packed, (schema, in_folder("p"), 0, &alloc, &a_set, err))                  \
    X(mmoe_model_create, (config, schema, &alloc, &a_model, err))                                  \
    X(mmoe_model_create_among, (config, schema, mmoe_comm_self(), &alloc, &a_model, err))          \
    X(mmoe_model_grow, (model, NULL, schema, &alloc, &a_model, err))                               \
    X(mmoe_model_shrink, (model, rows, 1, &alloc, &a_model, err))                                  \
    X(mmoe_model_load, (in_folder("m"), &alloc, &a_model, err))                                    \
    X(mmoe_model_load_with, (in_folder("m"), NULL, &alloc, &a_model, err))                         \
    X(mmoe_model_clone, (model, &alloc, &a_model, err))                                            \
    X(mmoe_model_load_bytes, ("x", 1, &alloc, &a_model, err))                                      \
    X(mmoe_model_with_tables, (model, "int8", &alloc, &a_model, err))                              \
    X(mmoe_predictor_create, (model, &alloc, &a_predictor, err))                                   \
    X(mmoe_predictor_create_with, (model, NULL, &alloc, &a_predictor, err))                        \
    X(mmoe_predictor_clone, (predictor, &alloc, &a_predictor, err))                                \
    X(mmoe_expression_create, (model, "x", &alloc, &an_expression, err))                           \
    X(mmoe_input_create, (NULL, 0, &alloc, &an_input, err))                                        \
    X(mmoe_slot_create, (model, &alloc, &a_slot, err))                                             \
    X(mmoe_slot_create_with, (model, NULL, &alloc, &a_slot, err))                                  \
    X(mmoe_profile_create, (10, &alloc, &a_profile, err))                                          \
    X(mmoe_gemm_peak, (1, &alloc, &rate, err))                                                     \
    X(mmoe_inspect, (model, rows, 1, &alloc, &an_inspection, err))                                 \
    X(mmoe_inspect_with, (model, rows, NULL, &alloc, &an_inspection, err))                         \
    X(mmoe_evaluate, (model, rows, 1, &alloc, metrics, err))                                       \
    X(mmoe_evaluate_by, (model, rows, &by, &alloc, metrics, NULL, err))                            \
    X(mmoe_estimate_create, (config, schema, NULL, &alloc, &an_estimate, err))                     \
    X(mmoe_trainer_create, (model, NULL, &alloc, &a_trainer, err))

static const char *const columns[] = {"a", "b", "d0", "d1"};
static mmoe_task_metrics metrics[TASKS];
static const mmoe_evaluate_options by = {.threads = 1};
static mmoe_csv_packing packing = {.folder = "none"};

#define CALL(name, arguments)                                                                      \
    static mmoe_status call_##name(mmoe_error *err) { return name arguments; }
TAKERS(CALL)

static const struct {
    const char *name;
    mmoe_status (*call)(mmoe_error *err);
} takers[] = {
#define ROW(name, arguments) {#name, call_##name},
    TAKERS(ROW)};
enum { TAKER_COUNT = sizeof takers / sizeof *takers };

static void begin(void) {
    make_folder();
    set_up("", "", "");
    model = new_model();
    put_text(in_folder("c.json"), json);
    put_text(in_folder("d.csv"), "a,b,d0,d1,x,y\n1,1,0.5,0.5,1,0\n");
    packing.path = in_folder("d.csv");
    packing.config = config;
    SUCCEEDS(mmoe_model_save(model, in_folder("m"), &err));
    SUCCEEDS(mmoe_predictor_create(model, NULL, &predictor, &err));
}

static void end(void) {
    mmoe_predictor_free(predictor);
    mmoe_model_free(model);
    tear_down();
    remove_folder();
}

static void *some_alloc(void *user, size_t size) { return (void)user, malloc(size); }
static void *some_resize(void *user, void *memory, size_t old_size, size_t new_size) {
    return (void)user, (void)old_size, realloc(memory, new_size);
}
static void some_release(void *user, void *memory) { (void)user, free(memory); }

START_TEST(one_that_lacks_a_function_is_refused) {
    static const char *const lacks[] = {"alloc", "resize", "release", "alloc"};
    for (int i = 0; i < 4; i++) {
        mmoe_error err = {0};
        char wanted[128];
        alloc = (mmoe_allocator){NULL, some_alloc, some_resize, some_release};
        if (i == 0) alloc.alloc = NULL;
        if (i == 1) alloc.resize = NULL;
        if (i == 2) alloc.release = NULL;
        if (i == 3) alloc = (mmoe_allocator){0};
        snprintf(wanted, sizeof wanted, "%s: the allocator's function %s is NULL", takers[_i].name,
                 lacks[i]);
        ck_assert_int_eq(takers[_i].call(&err), MMOE_E_ARGUMENT);
        ck_assert_str_eq(err.message, wanted);
        ck_assert_int_eq(takers[_i].call(NULL), MMOE_E_ARGUMENT);
    }
    ck_assert(!a_config && !a_schema && !a_set && !a_model && !a_predictor && !a_slot &&
              !a_trainer && !a_profile && !an_inspection && !an_estimate && !an_input &&
              !an_expression);
}
END_TEST

/* A new function belongs into the list above. */
START_TEST(all_of_the_headers_are_walked) {
    static const char *const headers[] = {
        HEADERS "/arrow.h",    HEADERS "/base.h",      HEADERS "/create.h", HEADERS "/data.h",
        HEADERS "/estimate.h", HEADERS "/evaluate.h",  HEADERS "/input.h",  HEADERS "/inspect.h",
        HEADERS "/model.h",    HEADERS "/predictor.h", HEADERS "/slot.h",   HEADERS "/train.h"};
    static const char parameter[] = "const mmoe_allocator *alloc,";
    int count = 0;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        size_t size;
        char *text = get_file(headers[i], &size);
        for (const char *at = text; (at = strstr(at, parameter)); at++) count++;
        free(text);
    }
    ck_assert_int_eq(count, TAKER_COUNT);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_unchecked_fixture(c, begin, end);
    tcase_add_loop_test(c, one_that_lacks_a_function_is_refused, 0, TAKER_COUNT);
    tcase_add_test(c, all_of_the_headers_are_walked);
}
