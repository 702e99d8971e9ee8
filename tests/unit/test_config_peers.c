/* Words of other systems, and keys that answer one question twice. */
#include "check_main.h"
#include "config/config_peers.h"
#include "config_support.h"

static const mmoe_key *key_at_path(const char *path) {
    const mmoe_key *key = NULL;
    for (size_t i = 0; (key = mmoe_key_at(i)) && strcmp(key->doc.path, path) != 0;) i++;
    return key;
}

/* The path with `name` for its last word and an index for each "[]"; a level higher where it has
 * this name. */
static void at_place(const char *path, const char *name, const char *index, char out[128]) {
    const char *bracket = strstr(path, "[]"), *last = strrchr(path, '.') + 1;
    if (strcmp(last, name) == 0)
        for (last--; last[-1] != '.';) last--;
    const char *from = bracket ? bracket + 2 : path;
    snprintf(out, 128, "%.*s%s%.*s%s", bracket ? (int)(bracket - path) : 0, path,
             bracket ? index : "", (int)(last - from), from, name);
}

START_TEST(words_of_peers_are_answered_with_ours) {
    const mmoe_peer_word *word;
    size_t n = 0;
    for (; (word = mmoe_peer_word_at(n)); n++) {
        char to_set[128], path[128], wanted[160];
        mmoe_config *config = parse(full);
        set(config, "features.sequence", "[{\"name\": \"s\"}]");
        ck_assert_msg(key_at_path(word->ours) != NULL, "%s is no key", word->ours);
        at_place(word->ours, word->theirs, ".0", to_set);
        at_place(word->ours, word->theirs, "[0]", path);
        snprintf(wanted, sizeof wanted, "unknown key; here it is %s. Allowed are ", word->ours);
        refuse_set(config, to_set, "1", path, wanted);
        mmoe_config_free(config);
    }
    ck_assert_uint_gt(n, 50);
    ck_assert_ptr_null(mmoe_peer_word_at(n + 1));
    refuse("{\"learning_rate\": 0.1}", "learning_rate", "here it is trainer.optimizer_params.lr");
    refuse("{\"trainer\": {\"optimizer_params\": {\"learning_rate\": 0.1}}}",
           "trainer.optimizer_params.learning_rate", "here it is trainer.optimizer_params.lr");
    /* one of another part is no word of this one */
    refuse("{\"model\": {\"learning_rate\": 0.1}}", "model.learning_rate", "did you mean");
    refuse("{\"features\": {\"sparse\": [{\"name\": \"a\", \"fill_na\": 0}]}}",
           "features.sparse[0].fill_na", "here it is features.dense[].missing");
    refuse("{\"features\": {\"sparse\": [{\"name\": \"a\", \"combiner\": \"sum\"}]}}",
           "features.sparse[0].combiner", "here it is features.sequence[].pooling");
    refuse("{\"tasks\": [{\"name\": \"a\", \"label\": \"b\", \"tower_params\": "
           "{\"tower_hidden_units\": [8]}}]}",
           "tasks[0].tower_params.tower_hidden_units", "here it is tasks[].tower_params.dims");
    /* a list that takes another's keys has them itself */
    refuse("{\"features\": {\"sequence\": [{\"name\": \"a\", \"embedding_dim\": 8}]}}",
           "features.sequence[0].embedding_dim", "here it is features.sequence[].embed_dim");
    refuse("{\"features\": {\"sequence\": [{\"name\": \"a\", \"num_buckets\": 8}]}}",
           "features.sequence[0].num_buckets", "here it is features.sequence[].vocab_size");
    refuse("{\"features\": {\"sequence\": [{\"name\": \"a\", \"bucket_size\": 8}]}}",
           "features.sequence[0].bucket_size", "here it is features.sequence[].hash_bucket_size");
    refuse("{\"features\": {\"embedding_dim\": 8}}", "features.embedding_dim",
           "here it is features.sparse[].embed_dim");
}
END_TEST

#define SPARSE(rest)                                                                               \
    "{\"features\":{\"sparse\":[{\"name\":\"a\"," rest                                             \
    "}]},\"tasks\":[{\"name\":\"t\",\"label\":\"l\"}]}"

START_TEST(a_question_has_one_answer) {
    static const char *const values[][2] = {{"vocab_size", "9"},
                                            {"hash_bucket_size", "9"},
                                            {"boundaries", "[1, 2]"},
                                            {"quantiles", "4"}};
    static const char *const alone[][2] = {{"oov_id", "vocab_size"},
                                           {"hash_seed", "hash_bucket_size"}};
    char json[300], path[64], wanted[200];
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 4; k++) {
            if (k == i) continue;
            snprintf(json, sizeof json, SPARSE("\"%s\":%s,\"%s\":%s"), values[i][0], values[i][1],
                     values[k][0], values[k][1]);
            const bool in_order = i < k;
            snprintf(wanted, sizeof wanted,
                     "\"%s\" and \"%s\" both say what becomes of a value; give one",
                     values[in_order ? i : k][0], values[in_order ? k : i][0]);
            refuse(json, "features.sparse[0]", wanted);
        }
        for (int k = 0; k < 2; k++) {
            static const char *const learned[] = {"min_count", "max_vocab"};
            snprintf(json, sizeof json, SPARSE("\"%s\":%s,\"%s\":3"), values[i][0], values[i][1],
                     learned[k]);
            snprintf(path, sizeof path, "features.sparse[0].%s", learned[k]);
            snprintf(wanted, sizeof wanted, "\"%s\" says already what becomes of a value",
                     values[i][0]);
            refuse(json, path, wanted);
            if (strcmp(alone[k][1], values[i][0]) == 0) continue;
            snprintf(json, sizeof json, SPARSE("\"%s\":%s,\"%s\":3"), values[i][0], values[i][1],
                     alone[k][0]);
            snprintf(path, sizeof path, "features.sparse[0].%s", alone[k][0]);
            snprintf(wanted, sizeof wanted, "3 needs %s beside it", alone[k][1]);
            refuse(json, path, wanted);
        }
    }
}
END_TEST

START_TEST(bad_values_are_refused) {
    static const struct {
        const char *json, *key, *wanted;
    } cases[] = {
        {SPARSE("\"hash_bucket_size\":0"), "hash_bucket_size",
         "0 is not allowed here; allowed is an integer: 1 to 2147483646"},
        {SPARSE("\"quantiles\":1"), "quantiles", "allowed is an integer: 2 to 65536"},
        {SPARSE("\"quantiles\":[1]"), "quantiles", "allowed is an integer: 2 to 65536"},
        {SPARSE("\"min_count\":0"), "min_count", "1 to 2147483647"},
        {SPARSE("\"max_vocab\":0"), "max_vocab", "1 to 2147483646"},
        {SPARSE("\"embed_dim\":0"), "embed_dim", "1 to 65536, or \"auto\""},
        {SPARSE("\"embed_dim\":\"Auto\""), "embed_dim", "1 to 65536, or \"auto\""},
    };
    char path[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(path, sizeof path, "features.sparse[0].%s", cases[i].key);
        refuse(cases[i].json, path, cases[i].wanted);
    }
    mmoe_config *config = parse(SPARSE("\"embed_dim\":\"auto\""));
    ck_assert_int_eq(config->features.sparse[0].embed_dim, 0);
    ck_assert_ptr_nonnull(strstr(config->json, "\"embed_dim\": \"auto\""));
    mmoe_config_free(config);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, words_of_peers_are_answered_with_ours);
    tcase_add_test(c, a_question_has_one_answer);
    tcase_add_test(c, bad_values_are_refused);
}
