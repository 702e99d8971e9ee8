/* Schemas to and from JSON; schemas that a configuration makes. */
#include <fenv.h>
#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "data/column_number.h"
#include "failing.h"
#include "config/config.h"
#include "data/dataset.h"
#include "file/schema_json.h"

static const char good[] =
    "{\"tables\": [{\"name\": \"a\", \"rows\": 7, \"dim\": 4, \"oov_id\": 6, \"vocabulary\": "
    "\"none\"},"
    " {\"name\": \"b\", \"rows\": 4, \"dim\": 8, \"oov_id\": -1, \"vocabulary\": \"int\"},"
    " {\"name\": \"c\", \"rows\": 3, \"dim\": 1, \"oov_id\": -1, \"vocabulary\": \"string\"}],"
    " \"sparse\": [{\"name\": \"a\", \"table\": 0}, {\"name\": \"b\", \"table\": 1}, {\"name\": "
    "\"c\", \"table\": 2}, {\"name\": \"d\", \"table\": 1, "
    "\"side\": \"user\", \"column\": \"x\"}, {\"name\": \"h\", \"table\": 1, \"columns\": "
    "[\"h1\", \"h2\"], \"list\": {\"max_len\": 2, \"truncate\": \"first\", \"pooling\": "
    "\"concat\"}}],"
    " \"dense\": [{\"name\": \"x\", \"transform\": \"none\", \"shift\": \"0\", \"scale\": \"1\"},"
    " {\"name\": \"y\", \"transform\": \"log1p_standardize\", \"shift\": \"0.1\", \"scale\": "
    "\"-2.5e-300\", \"side\": \"user\", \"column\": \"of y\", \"missing\": [\"0.5\"], "
    "\"indicator\": true}],"
    " \"labels\": [{\"name\": \"l\", \"task\": \"t\", \"type\": \"classification\", \"positive\": "
    "\"yes\", \"negative\": \"no\", \"constant\": \"0.25\"}, {\"name\": \"l\", \"task\": \"u\", "
    "\"type\": \"regression\", "
    "\"label_transform\": {\"transform\": \"standardize\", \"shift\": \"700.5\", \"unit\": "
    "\"0.1\"}}],"
    " \"weight\": \"w\"}";

/* Vocabularies of n - `lacking` rows: integer keys 10, 11, ...; or texts of which none is an
 * integer. */
typedef struct source {
    const mmoe_allocator *alloc;
    int64_t lacking;
    int calls;
} source;

static mmoe_status make_vocab(void *user, const mmoe_vocab_wanted *wanted, mmoe_vocab **out,
                              mmoe_error *err) {
    source *s = user;
    const bool is_string = wanted->is_text;
    const size_t n = (size_t)(wanted->rows - 1 - s->lacking);
    ck_assert_str_eq(wanted->name, is_string ? "c" : "b");
    ck_assert_int_eq(wanted->table, is_string ? 2 : 1);
    ck_assert_uint_le(n, 8);
    s->calls++;
    const int64_t ints[8] = {10, 11, 12, 13, 14, 15, 16, 17},
                  offsets[9] = {0, 2, 4, 6, 8, 10, 12, 14, 16};
    if (is_string)
        return mmoe_vocab_from_texts(
            &(mmoe_packed_texts){"k0k1k2k3k4k5k6k7", (size_t)offsets[n], offsets, n}, s->alloc, out,
            err);
    return mmoe_vocab_from_ints(ints, n, s->alloc, out, err);
}

static mmoe_status from_text(const char *text, const mmoe_allocator *alloc, mmoe_schema **out,
                             mmoe_error *err) {
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    if (!json) return MMOE_E_MEMORY;
    source s = {alloc, 0, 0};
    const mmoe_status status = mmoe_schema_from_json(
        json, "m.safetensors", (mmoe_vocab_source){make_vocab, &s}, alloc, out, err);
    json_decref(json);
    return status;
}

START_TEST(a_schema_comes_back) {
    mmoe_schema *s = NULL;
    mmoe_error err = {0};
    ck_assert_msg(from_text(good, NULL, &s, &err) == MMOE_OK, "%s", err.message);
    ck_assert(s->n_table == 3 && s->n_sparse == 5 && s->n_dense == 2 && s->n_label == 2);
    ck_assert_str_eq(s->tables[0].name, "a");
    ck_assert(s->tables[0].rows == 7 && s->tables[0].dim == 4 &&
              s->tables[0].encoder->oov_id == 6 && s->tables[0].encoder->rows == 7 &&
              s->tables[0].encoder->kind == &mmoe_column_row);
    const mmoe_vocab *ints = mmoe_encoder_vocab(s->tables[1].encoder),
                     *texts = mmoe_encoder_vocab(s->tables[2].encoder);
    ck_assert(s->tables[1].encoder->oov_id == -1 && mmoe_vocab_is_int(ints) &&
              mmoe_vocab_find_int(ints, 12) == 3);
    ck_assert(!mmoe_vocab_is_int(texts) && mmoe_vocab_find(texts, "k1", 2) == 2);
    ck_assert_str_eq(s->sparse[3].name, "d");
    ck_assert_int_eq(s->sparse[3].table, 1);
    ck_assert(s->sparse[2].side == MMOE_SIDE_ITEM && s->sparse[3].side == MMOE_SIDE_USER);
    ck_assert(s->dense[0].side == MMOE_SIDE_ITEM && s->dense[1].side == MMOE_SIDE_USER);
    ck_assert_pstr_eq(s->sparse[2].column, NULL);
    ck_assert_pstr_eq(s->sparse[3].column, "x");
    ck_assert_pstr_eq(s->dense[0].column, NULL);
    ck_assert_pstr_eq(s->dense[1].column, "of y");
    ck_assert(!s->dense[0].gap.fill && *s->dense[1].gap.fill == 0.5f);
    ck_assert(!s->dense[0].indicator && s->dense[1].indicator);
    ck_assert(s->dense[0].width == 1 && s->dense[1].width == 2 && s->dense_width == 3);
    ck_assert(s->dense[1].first == 1 && s->dense[1].first_number == 1 && s->dense_span == 2);
    const mmoe_sparse_column *h = &s->sparse[4];
    ck_assert(s->n_list == 1 && h->list == 0 && h->columns.count == 2 && h->how.max_len == 2);
    ck_assert_str_eq(h->columns.items[1], "h2");
    const mmoe_number_encoder *number = mmoe_number_of(s->dense[1].encoder);
    ck_assert_int_eq(number->transform, MMOE_TRANSFORM_LOG1P_STANDARDIZE);
    ck_assert(number->shift == 0.1 && number->scale == -2.5e-300);
    ck_assert_int_eq(s->labels[1].type, MMOE_REGRESSION);
    ck_assert_str_eq(s->labels[1].task, "u");
    ck_assert_str_eq(s->labels[0].positive, "yes");
    ck_assert_str_eq(s->labels[0].negative, "no");
    ck_assert(s->labels[0].has_constant && s->labels[0].constant == 0.25);
    ck_assert(!s->labels[1].has_constant);
    ck_assert(s->labels[0].scale.transform == MMOE_LABEL_NONE && !s->labels[1].positive);
    const mmoe_label_scale *scale = &s->labels[1].scale;
    ck_assert(scale->transform == MMOE_LABEL_STANDARDIZE && scale->shift == 700.5 &&
              scale->unit == 0.1);
    ck_assert_str_eq(s->weight, "w");
    json_t *json = mmoe_schema_to_json(s), *wanted = json_loads(good, 0, NULL);
    ck_assert(json_equal(json, wanted));
    json_decref(json);
    json_decref(wanted);
    mmoe_schema_free(s);
}
END_TEST

/* Whatever rounding mode a host has set. */
START_TEST(doubles_keep_their_bits) {
    static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    const double values[] = {0.1,
                             1.0 / 3,
                             -0.0,
                             5e-324,
                             DBL_MAX,
                             DBL_MIN,
                             123456789.123456789,
                             1e22,
                             9007199254740993.0,
                             0x1.fffffffffffffp-3};
    mmoe_schema *s = NULL;
    ck_assert_int_eq(from_text(good, NULL, &s, NULL), MMOE_OK);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        mmoe_number_encoder *number = mmoe_number_of(s->dense[0].encoder), *back;
        number->shift = values[i];
        number->scale = -values[i];
        fesetround(modes[_i]);
        json_t *json = mmoe_schema_to_json(s);
        char *text = json_dumps(json, 0);
        mmoe_schema *again = NULL;
        ck_assert_int_eq(from_text(text, NULL, &again, NULL), MMOE_OK);
        fesetround(FE_TONEAREST);
        back = mmoe_number_of(again->dense[0].encoder);
        ck_assert_mem_eq(&back->shift, &number->shift, sizeof(double));
        ck_assert_mem_eq(&back->scale, &number->scale, sizeof(double));
        mmoe_schema_free(again);
        free(text);
        json_decref(json);
    }
    mmoe_schema_free(s);
}
END_TEST

START_TEST(wrong_json_is_refused) {
    /* `from` in the good text becomes `to` */
    static const struct {
        const char *from, *to, *wanted;
    } cases[] = {
        {"\"rows\": 7", "\"rows\": 0", "tables[0].rows: an integer from 1 to 2147483647"},
        {"\"rows\": 7", "\"rows\": 2147483648", "tables[0].rows"},
        {"\"rows\": 7", "\"rows\": 7.0", "tables[0].rows"},
        {"\"rows\": 7, ", "", "tables[0].rows"},
        {"\"dim\": 4", "\"dim\": 65537", "tables[0].dim: an integer from 1 to 65536"},
        {"\"dim\": 4", "\"dim\": \"4\"", "tables[0].dim"},
        {"\"oov_id\": 6", "\"oov_id\": 7", "tables[0].oov_id: 7 is no row of the table: 0 to 6"},
        {"\"oov_id\": 6", "\"oov_id\": -2", "tables[0].oov_id"},
        {"\"oov_id\": -1, \"vocabulary\": \"int\"", "\"oov_id\": 0, \"vocabulary\": \"int\"",
         "tables[1].oov_id: a table with a vocabulary has none"},
        {"\"vocabulary\": \"none\"", "\"vocabulary\": \"float\"",
         "tables[0].vocabulary: \"float\""},
        {"\"vocabulary\": \"none\"", "\"vocabulary\": 3", "tables[0].vocabulary"},
        {"\"vocabulary\": \"none\"", "\"vocabulary\": \"none\", \"more\": 1",
         "tables[0]: a key is unknown"},
        {"\"dim\": 4", "\"dim\": 4, \"frozen\": false", "tables[0].frozen: true is needed"},
        {"\"name\": \"a\", \"rows\"", "\"name\": 3, \"rows\"", "tables[0].name: a string"},
        {"\"name\": \"a\", \"rows\"", "\"name\": \"x\", \"rows\"",
         "tables: \"x\" is not the name of a column that uses it"},
        {"\"name\": \"a\", \"table\": 0", "\"name\": \"a\", \"table\": 3",
         "sparse[0].table: an integer from 0 to 2"},
        {"\"name\": \"a\", \"table\": 0", "\"name\": \"a\", \"table\": -1", "sparse[0].table"},
        {"\"table\": 1, \"side\": \"user\"", "\"table\": 1, \"side\": \"both\"",
         "sparse[3].side: \"both\" is none of its words"},
        {"\"table\": 1, \"side\": \"user\"", "\"table\": 1, \"side\": null",
         "sparse[3].side: \"\" is none of its words"},
        {"\"table\": 1, \"side\": \"user\"", "\"table\": 1, \"size\": \"user\"",
         "sparse[3]: a key is unknown"},
        {"-2.5e-300\", \"side\": \"user\"", "-2.5e-300\", \"side\": 1", "dense[1].side"},
        {"\"column\": \"x\"", "\"column\": 3", "sparse[3].column: a string"},
        {"\"column\": \"x\"", "\"column\": \"l\"", "the label \"l\" is a feature's column"},
        {"\"h1\"", "\"l\"", "the label \"l\" is a feature's column"},
        {"\"h1\"", "\"\"", "sparse[4].columns: string 1 is no name"},
        {"\"h2\"", "2", "sparse[4].columns: string 2 is no name"},
        {"[\"h1\", \"h2\"]", "[]", "sparse[4].columns: an array of 1 to 1048576 names"},
        {"[\"h1\", \"h2\"]", "\"h1\"", "sparse[4].columns: an array of 1 to 1048576 names"},
        {"\"columns\"", "\"column\": \"x\", \"columns\"",
         "sparse[4].columns: an array of 1 to 1048576 names"},
        {"\"list\"", "\"lists\"", "sparse[4].columns: its table has rows of one value each"},
        {"\"h2\"], \"list\"", "\"\"], \"lists\"", "sparse[4].columns: its table has rows of one"},
        {"\"h1\", \"h2\"], \"list\"", "\"h1\"], \"lists\"",
         "sparse[4].columns: an array of 2 to 16 names"},
        {"\"max_len\": 2", "\"max_len\": 2, \"separators\": \"|\"",
         "sparse[4].list: a key is unknown"},
        {"\"columns\": [\"h1\", \"h2\"], ", "",
         "sparse[4].list.separators: a string of one or two"},
        {"\"column\": \"of y\"", "\"column\": \"w\"", "weight: \"w\" is a feature's column"},
        {"[\"0.5\"]", "\"0.5\"", "dense[1].missing: an array of 1 numbers"},
        {"[\"0.5\"]", "[\"0.5\", \"1\"]", "dense[1].missing: an array of 1 numbers"},
        {"[\"0.5\"]", "[0.5]", "dense[1].missing: number 1 is no string"},
        {"[\"0.5\"]", "[\"1e39\"]", "dense[1].missing: number 1 is no string"},
        {"\"indicator\": true", "\"indicator\": 1", "dense[1].indicator: true, beside"},
        {"\"missing\": [\"0.5\"], ", "", "dense[1].indicator: true, beside"},
        {"\"column\": \"of y\"", "\"column\": null", "dense[1].column: a string"},
        {"\"type\": \"regression\"", "\"type\": \"regression\", \"side\": \"user\"",
         "labels[1]: a key is unknown"},
        {"\"name\": \"d\"", "\"name\": \"a\"", "the name \"a\" stands twice"},
        {"\"name\": \"x\"", "\"name\": \"a\"", "the name \"a\" stands twice"},
        {"\"name\": \"l\", \"task\": \"t\"", "\"name\": \"x\", \"task\": \"t\"",
         "the name \"x\" stands twice"},
        {"\"task\": \"u\"", "\"task\": \"t\"", "the name \"t\" stands twice"},
        {"\"weight\": \"w\"", "\"weight\": \"x\"", "the name \"x\" stands twice"},
        {"\"weight\": \"w\"", "\"weight\": \"l\"", "the name \"l\" stands twice"},
        {"\"weight\": \"w\"", "\"weight\": null", "weight: a string"},
        {"\"weight\": \"w\"", "\"other\": \"w\"", "a key is unknown"},
        {"\"transform\": \"none\"", "\"transform\": \"log\"", "dense[0].transform: \"log\""},
        {"\"shift\": \"0\"", "\"shift\": 0", "dense[0].shift: a string with a finite number"},
        {"\"shift\": \"0\"", "\"shift\": \"nan\"", "dense[0].shift"},
        {"\"shift\": \"0\"", "\"shift\": \"1e999\"", "dense[0].shift"},
        {"\"scale\": \"1\"", "\"scale\": \"inf\"", "dense[0].scale"},
        {"\"scale\": \"1\"", "\"scale\": \"\"", "dense[0].scale"},
        {"\"scale\": \"1\"", "\"scale\": \"1x\"", "dense[0].scale"},
        {"\"type\": \"regression\"", "\"type\": \"ranking\"", "labels[1].type: \"ranking\""},
        {"\"type\": \"regression\"", "\"typ\": \"regression\"", "labels[1].type"},
        {"\"positive\": \"yes\"", "\"positive\": 1", "labels[0].positive: a string"},
        {"\"negative\": \"no\"", "\"negative\": null", "labels[0].negative: a string"},
        {"\"0.25\"", "0.25", "labels[0].constant: a string with a finite number"},
        {"\"standardize\"", "\"log\"", "labels[1].label_transform.transform: \"log\" is none of"},
        {"\"700.5\"", "700.5", "labels[1].label_transform.shift: a string with a finite number"},
        {"\"0.1\"}}", "\"0\"}}", "labels[1].label_transform.unit: a number above 0"},
        {", \"unit\": \"0.1\"", "", "labels[1].label_transform: an object of three keys"},
        {"{\"transform\": \"standardize\", \"shift\": \"700.5\", \"unit\": \"0.1\"}", "\"log1p\"",
         "labels[1].label_transform: an object of three keys"},
        {"{\"name\": \"x\", ", "3, {\"name\": \"x\", ", "dense[0]: an object"},
        {"\"labels\"", "\"label\"", "labels: an array"},
        {"\"sparse\": [", "\"sparse\": {}, \"s\": [", "sparse: an array"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[2000];
        const char *found = strstr(good, cases[i].from);
        ck_assert_ptr_nonnull(found);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(found - good), good, cases[i].to,
                 found + strlen(cases[i].from));
        mmoe_schema *s = NULL;
        mmoe_error err = {0};
        ck_assert_msg(from_text(text, NULL, &s, &err) == MMOE_E_FORMAT, "case %zu was accepted: %s",
                      i, cases[i].to);
        ck_assert_ptr_null(s);
        ck_assert_str_eq(err.file, "m.safetensors");
        ck_assert_msg(strstr(err.message, "m.safetensors: schema: ") &&
                          strstr(err.message, cases[i].wanted),
                      "\"%s\" lacks \"%s\"", err.message, cases[i].wanted);
    }
    const char *wholes[] = {
        "[]", "3", "{}", "{\"tables\":[],\"sparse\":[],\"dense\":[],\"labels\":[]}",
        ("{\"tables\":[],\"sparse\":[],\"dense\":[{\"name\":\"x\",\"transform\":"
         "\"none\",\"shift\":\"0\",\"scale\":\"1\"}],\"labels\":[]}")};
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++) {
        mmoe_schema *s = NULL;
        ck_assert_int_eq(from_text(wholes[i], NULL, &s, NULL), MMOE_E_FORMAT);
    }
}
END_TEST

START_TEST(a_vocabulary_must_have_the_rows) {
    json_t *json = json_loads(good, 0, NULL);
    source s = {NULL, 1, 0};
    mmoe_schema *schema = NULL;
    mmoe_error err = {0};
    ck_assert_int_eq(
        mmoe_schema_from_json(json, "m", (mmoe_vocab_source){make_vocab, &s}, NULL, &schema, &err),
        MMOE_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "tables[1].rows: 4 rows, but the vocabulary has 3"));
    ck_assert_int_eq(s.calls, 1);
    json_decref(json);
}
END_TEST

/* ---- From a configuration ---- */

static mmoe_status create(const char *features, mmoe_schema **out, mmoe_error *err) {
    static const char *const columns[] = {"a", "b", "x", "click", "buy"};
    char text[500];
    snprintf(text, sizeof text,
             "{\"features\": %s, \"tasks\": [{\"name\": \"cvr\", \"label\": \"buy\", \"type\": "
             "\"regression\"}, {\"name\": \"ctr\", \"label\": \"click\"}]}",
             features);
    mmoe_config *config = NULL;
    ck_assert_msg(mmoe_config_parse(text, strlen(text), NULL, NULL, &config, err) == MMOE_OK, "%s",
                  text);
    const mmoe_status status = mmoe_schema_create(config, columns, 5, NULL, out, err);
    mmoe_config_free(config);
    return status;
}

START_TEST(a_configuration_makes_a_schema) {
    mmoe_schema *s = NULL;
    mmoe_error err = {0};
    ck_assert_msg(
        create(
            "{\"sparse\": [{\"name\": \"*\", \"vocab_size\": 9}], \"dense\": [{\"name\": \"x\"}]}",
            &s, &err) == MMOE_OK,
        "%s", err.message);
    ck_assert(s->n_sparse == 2 && s->n_table == 2 && s->n_dense == 1 && s->n_label == 2);
    ck_assert_str_eq(s->sparse[1].name, "b");
    ck_assert_str_eq(s->labels[0].name, "buy");
    ck_assert_str_eq(s->labels[0].task, "cvr");
    ck_assert_int_eq(s->labels[0].type, MMOE_REGRESSION);
    ck_assert_int_eq(s->labels[1].type, MMOE_CLASSIFICATION);
    ck_assert_int_eq(s->tables[1].rows, 9);
    mmoe_schema_free(s);
}
END_TEST

START_TEST(without_a_file_nothing_is_learned) {
    mmoe_schema *s = NULL;
    mmoe_error err = {0};
    ck_assert_int_eq(create("{\"sparse\": [{\"name\": \"a\"}]}", &s, &err), MMOE_E_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "\"a\": a schema without a file needs vocab_size"));
    ck_assert_int_eq(
        create("{\"dense\": [{\"name\": \"x\", \"transform\": \"minmax\"}]}", &s, &err),
        MMOE_E_CONFIG);
    ck_assert_ptr_nonnull(
        strstr(err.message, "\"x\": a schema without a file needs the transform \"none\""));
    ck_assert_int_eq(create("{\"dense\": [{\"name\": \"z\"}]}", &s, &err), MMOE_E_CONFIG);
    ck_assert_str_eq(err.column, "z");
    ck_assert_ptr_null(s);
}
END_TEST

START_TEST(arguments_are_checked) {
    mmoe_config *config = NULL;
    const char text[] = "{\"features\": {\"dense\": [{\"name\": \"x\"}]}, \"tasks\": [{\"name\": "
                        "\"t\", \"label\": \"y\"}]}";
    ck_assert_int_eq(mmoe_config_parse(text, sizeof text - 1, NULL, NULL, &config, NULL), MMOE_OK);
    const char *columns[] = {"x", NULL};
    mmoe_schema *schema = NULL;
    mmoe_dataset *dataset = NULL;
    ck_assert_int_eq(mmoe_schema_create(NULL, columns, 1, NULL, &schema, NULL), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_schema_create(config, NULL, 1, NULL, &schema, NULL), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_schema_create(config, columns, 1, NULL, NULL, NULL), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_schema_create(config, columns, 2, NULL, &schema, NULL), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_fit_csv(NULL, "x.csv", NULL, &schema, &dataset, NULL),
                     MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_fit_csv(config, NULL, NULL, &schema, &dataset, NULL),
                     MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_fit_csv(config, "x.csv", NULL, NULL, &dataset, NULL),
                     MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_fit_csv(config, "x.csv", NULL, &schema, NULL, NULL),
                     MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_fit_csv(config, "/nowhere/x.csv", NULL, &schema, &dataset, NULL),
                     MMOE_E_IO);
    mmoe_config_free(config);
}
END_TEST

/* ---- Memory ---- */

START_TEST(every_allocation_may_fail) {
    failing memory = {0};
    const mmoe_allocator counted = failing_allocator(&memory);
    failing_json(&memory);
    json_t *json = json_loads(good, 0, NULL);
    mmoe_schema *schema = NULL;
    const long start = memory.live;
    long attempts = 0;
    for (; failing_next(&memory); attempts++) {
        mmoe_error err = {0};
        source s = {&counted, 0, 0};
        schema = NULL;
        failing_check(&memory,
                      mmoe_schema_from_json(json, "m", (mmoe_vocab_source){make_vocab, &s},
                                            &counted, &schema, &err),
                      &err);
        if (!memory.refused) continue;
        mmoe_schema_free(schema);
        ck_assert_int_eq(memory.live, start);
    }
    ck_assert_int_gt(attempts, 30);
    const long bound = memory.live;
    while (failing_next(&memory)) {
        json_t *written = mmoe_schema_to_json(schema);
        ck_assert_msg((written == NULL) == (memory.refused > 0), "allocation %ld", memory.fail_at);
        if (written) ck_assert(json_equal(written, json));
        json_decref(written);
        ck_assert_msg(memory.live == bound, "allocation %ld leaks", memory.fail_at);
    }
    mmoe_schema_free(schema);
    ck_assert_int_eq(memory.live, start);
    json_decref(json);
    ck_assert_int_eq(memory.live, 0);
    failing_json(NULL);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, a_schema_comes_back);
    tcase_add_loop_test(c, doubles_keep_their_bits, 0, 4);
    tcase_add_test(c, wrong_json_is_refused);
    tcase_add_test(c, a_vocabulary_must_have_the_rows);
    tcase_add_test(c, a_configuration_makes_a_schema);
    tcase_add_test(c, without_a_file_nothing_is_learned);
    tcase_add_test(c, arguments_are_checked);
    tcase_add_test(c, every_allocation_may_fail);
}
