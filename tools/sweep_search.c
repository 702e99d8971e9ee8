/* The settings of a sweep: all that a grid holds, or random draws. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "sweep.h"

enum { MAX_SETTINGS = 1000000, MAX_DRAWS = 1000 };

/* What a text means is a text's first 15 digits: then it is the same when it comes back out of the
 * results' file. */
static char *value_text(const json_t *value) {
    return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
}

/* ---- Labels ---- */

/* Where the last `parts` parts of a dotted path begin. */
static const char *last_parts(const char *key, int parts) {
    const char *at = key + strlen(key);
    while (at > key && (at[-1] != '.' || --parts > 0)) at--;
    return at;
}

const char *sweep_key_label(const sweep_plan *p, size_t key) {
    for (int parts = 1;; parts++) {
        const char *label = last_parts(p->keys[key], parts);
        bool is_unique = true;
        for (size_t k = 0; k < p->n_key; k++)
            is_unique &= k == key || strcmp(last_parts(p->keys[k], parts), label) != 0;
        if (is_unique || label == p->keys[key]) return label;
    }
}

void sweep_setting_text(const sweep_plan *p, size_t setting, char *text, size_t size) {
    size_t used = 0;
    *text = '\0';
    for (size_t k = 0; k < p->n_key && used < size; k++)
        used += (size_t)snprintf(text + used, size - used, "%s%s=%s", k ? " " : "",
                                 sweep_key_label(p, k), p->settings[setting].values[k]);
    if (p->n_key == 0) snprintf(text, size, "the configuration");
    if (used >= size) memcpy(text + size - 4, "...", 4);
}

/* ---- Settings ---- */

static int take_keys(sweep_plan *p, const char *search, json_t *object) {
    const char *key;
    json_t *value;
    if (json_object_size(object) == 0)
        return cli_fail("%s: \"%s\" is empty: give it at least one key", p->path, search);
    p->keys = calloc(json_object_size(object), sizeof *p->keys);
    if (!p->keys) return cli_fail_memory();
    json_object_foreach(object, key, value) {
        if (strcmp(key, "trainer.seed") == 0)
            return cli_fail("%s: %s: seeds stand in \"seeds\", not in trainer.seed", p->path,
                            search);
        p->keys[p->n_key++] = key;
    }
    return CLI_OK;
}

/* The setting's values are made room for; the caller fills them all. */
static int add_setting(sweep_plan *p) {
    sweep_setting *setting = &p->settings[p->n_setting];
    setting->values = calloc(p->n_key ? p->n_key : 1, sizeof *setting->values);
    if (!setting->values) return cli_fail_memory();
    p->n_setting++;
    return CLI_OK;
}

/* The earlier setting that has the same values, or the setting itself. */
static size_t find_equal(const sweep_plan *p, size_t setting) {
    for (size_t i = 0; i < setting; i++) {
        size_t k = 0;
        while (k < p->n_key &&
               strcmp(p->settings[i].values[k], p->settings[setting].values[k]) == 0)
            k++;
        if (k == p->n_key) return i;
    }
    return setting;
}

/* ---- Grid ---- */

static int count_grid(const sweep_plan *p, json_t *grid, size_t *count) {
    *count = 1;
    for (size_t k = 0; k < p->n_key; k++) {
        const json_t *values = json_object_get(grid, p->keys[k]);
        if (!json_is_array(values))
            return cli_fail("%s: grid: \"%s\" must be a list of values", p->path, p->keys[k]);
        const size_t n = json_array_size(values);
        if (n == 0) return cli_fail("%s: grid: the list of \"%s\" is empty", p->path, p->keys[k]);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < i; j++)
                if (json_equal(json_array_get(values, i), json_array_get(values, j)))
                    return cli_fail("%s: grid: entries %zu and %zu of \"%s\" are equal", p->path,
                                    j + 1, i + 1, p->keys[k]);
        if (*count > MAX_SETTINGS / n)
            return cli_fail("%s: the grid has more than %d settings", p->path, MAX_SETTINGS);
        *count *= n;
    }
    return CLI_OK;
}

/* The last key changes fastest. */
static int fill_grid(sweep_plan *p, json_t *grid, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int status = add_setting(p);
        size_t rest = i;
        for (size_t k = p->n_key; !status && k-- > 0;) {
            const json_t *values = json_object_get(grid, p->keys[k]);
            p->settings[i].values[k] =
                value_text(json_array_get(values, rest % json_array_size(values)));
            rest /= json_array_size(values);
            if (!p->settings[i].values[k]) status = cli_fail_memory();
        }
        if (status) return status;
    }
    return CLI_OK;
}

static int read_grid(sweep_plan *p, json_t *grid) {
    size_t count;
    if (!json_is_object(grid))
        return cli_fail(
            "%s: \"grid\" must be an object: keys of the configuration and lists of their values",
            p->path);
    int status = take_keys(p, "grid", grid);
    if (!status) status = count_grid(p, grid, &count);
    if (status) return status;
    p->settings = calloc(count, sizeof *p->settings);
    return p->settings ? fill_grid(p, grid, count) : cli_fail_memory();
}

/* ---- Random ---- */

typedef struct range {
    double low, high;
    bool log, integer;
} range;

static int read_range(const sweep_plan *p, const char *name, json_t *object, range *r) {
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        const bool is_bound = strcmp(key, "low") == 0 || strcmp(key, "high") == 0;
        if (!is_bound && strcmp(key, "log") != 0 && strcmp(key, "integer") != 0)
            return cli_fail(
                "%s: random: %s: unknown key \"%s\"; known are low, high, log and integer", p->path,
                name, key);
        if (is_bound ? !json_is_number(value) : !json_is_boolean(value))
            return cli_fail("%s: random: %s: \"%s\" must be %s", p->path, name, key,
                            is_bound ? "a number" : "true or false");
    }
    const json_t *low = json_object_get(object, "low"), *high = json_object_get(object, "high");
    if (!low || !high)
        return cli_fail("%s: random: %s: \"%s\" is missing", p->path, name, low ? "high" : "low");
    *r = (range){json_number_value(low), json_number_value(high),
                 json_is_true(json_object_get(object, "log")),
                 json_is_true(json_object_get(object, "integer"))};
    if (r->low > r->high) return cli_fail("%s: random: %s: low is above high", p->path, name);
    if (r->log && r->low <= 0)
        return cli_fail("%s: random: %s: with \"log\" low must be above 0", p->path, name);
    if (r->integer && (!json_is_integer(low) || !json_is_integer(high) || fabs(r->low) > 0x1p52 ||
                       fabs(r->high) > 0x1p52))
        return cli_fail(
            "%s: random: %s: with \"integer\" low and high must be whole numbers within 2^52",
            p->path, name);
    return CLI_OK;
}

static json_t *draw_from(const range *r, double u) {
    if (r->integer) {
        /* Each whole number has the same share, of the logarithm with "log". */
        double x = r->log ? exp(log(r->low - 0.5) + u * (log(r->high + 0.5) - log(r->low - 0.5)))
                          : r->low - 0.5 + u * (r->high - r->low + 1);
        return json_integer((json_int_t)fmin(fmax(round(x), r->low), r->high));
    }
    char text[32];
    double x = r->log ? exp(log(r->low) + u * (log(r->high) - log(r->low)))
                      : r->low + u * (r->high - r->low);
    snprintf(text, sizeof text, "%.6g", x);
    return json_real(fmin(fmax(strtod(text, NULL), r->low), r->high));
}

static int draw_value(const sweep_plan *p, json_t *keys, size_t k, uint64_t seed, uint64_t index,
                      char **out) {
    json_t *choices = json_object_get(keys, p->keys[k]), *value;
    const double u = random_uniform(seed, k, index);
    range r = {0};
    if (json_is_array(choices)) {
        value =
            json_incref(json_array_get(choices, (size_t)(u * (double)json_array_size(choices))));
    } else {
        int status = read_range(p, p->keys[k], choices, &r);
        if (status) return status;
        value = draw_from(&r, u);
    }
    *out = value ? value_text(value) : NULL;
    json_decref(value);
    return *out ? CLI_OK : cli_fail_memory();
}

/* A setting that no earlier one has; *found false: there seems to be none left. */
static int draw_setting(sweep_plan *p, json_t *keys, uint64_t seed, uint64_t *draws, bool *found) {
    int status = add_setting(p);
    const size_t i = p->n_setting - 1;
    *found = false;
    for (int attempt = 0; !status && !*found && attempt < MAX_DRAWS; attempt++) {
        for (size_t k = 0; !status && k < p->n_key; k++) {
            free(p->settings[i].values[k]);
            p->settings[i].values[k] = NULL;
            status = draw_value(p, keys, k, seed, *draws, &p->settings[i].values[k]);
        }
        ++*draws;
        *found = !status && find_equal(p, i) == i;
    }
    return status;
}

static int check_random(const sweep_plan *p, json_t *random) {
    const char *key;
    json_t *value;
    if (!json_is_object(random))
        return cli_fail("%s: \"random\" must be an object with \"runs\", \"seed\" and \"keys\"",
                        p->path);
    json_object_foreach(random, key, value) if (
        strcmp(key, "runs") != 0 && strcmp(key, "seed") != 0 &&
        strcmp(key, "keys") !=
            0) return cli_fail("%s: random: unknown key \"%s\"; known are runs, seed and keys",
                               p->path, key);
    const json_t *runs = json_object_get(random, "runs"), *seed = json_object_get(random, "seed");
    json_t *keys = json_object_get(random, "keys");
    if (!json_is_integer(runs) || json_integer_value(runs) < 1 ||
        json_integer_value(runs) > MAX_SETTINGS)
        return cli_fail("%s: random: \"runs\" must be a whole number from 1 to %d", p->path,
                        MAX_SETTINGS);
    if (seed && (!json_is_integer(seed) || json_integer_value(seed) < 0))
        return cli_fail("%s: random: \"seed\" must be a whole number from 0", p->path);
    if (!json_is_object(keys))
        return cli_fail("%s: random: \"keys\" must be an object: keys of the configuration with "
                        "choices or ranges",
                        p->path);
    json_object_foreach(keys, key, value) {
        if (!json_is_array(value) && !json_is_object(value))
            return cli_fail("%s: random: \"%s\" must be a list of choices or a range", p->path,
                            key);
        if (json_is_array(value) && json_array_size(value) == 0)
            return cli_fail("%s: random: the list of \"%s\" is empty", p->path, key);
    }
    return CLI_OK;
}

static int read_random(sweep_plan *p, json_t *random) {
    int status = check_random(p, random);
    json_t *keys = json_object_get(random, "keys");
    if (!status) status = take_keys(p, "random.keys", keys);
    if (status) return status;
    const size_t runs = (size_t)json_integer_value(json_object_get(random, "runs"));
    const uint64_t seed = (uint64_t)json_integer_value(json_object_get(random, "seed"));
    p->settings = calloc(runs, sizeof *p->settings);
    if (!p->settings) return cli_fail_memory();
    uint64_t draws = 0;
    for (bool found = true; p->n_setting < runs;) {
        status = draw_setting(p, keys, seed, &draws, &found);
        if (status) return status;
        if (!found)
            return cli_fail("%s: random: its keys have not %zu different settings; %zu were found",
                            p->path, runs, p->n_setting - 1);
    }
    return CLI_OK;
}

int sweep_search_read(sweep_plan *p) {
    json_t *grid = json_object_get(p->root, "grid"), *random = json_object_get(p->root, "random");
    if (grid && random) return cli_fail("%s: \"grid\" and \"random\" exclude each other", p->path);
    if (grid) return read_grid(p, grid);
    if (random) return read_random(p, random);
    p->settings = calloc(1, sizeof *p->settings);
    return p->settings ? add_setting(p) : cli_fail_memory();
}
