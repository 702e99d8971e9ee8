/* serve_mapped MODEL IDS: scores ids, one a line, by a slot whose model's tables are mapped, and
 * prints a line a score; on standard error, what of the model is memory of the process and what is
 * mapped, and what of either is resident. */
#include <mmoe/mmoe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 1000 };

static const mmoe_input_column given[] = {{.name = "id", .type = MMOE_VALUE_INT64}};

/* Kilobytes, of this process; -1: the kernel does not say. */
static long kilobytes(const char *name) {
    char line[256];
    long found = -1;
    FILE *f = fopen("/proc/self/status", "r");
    if (!f) return -1;
    while (fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0) found = atol(line + strlen(name));
    fclose(f);
    return found;
}

static bool maps(const char *file) {
    char line[4096];
    bool found = false;
    FILE *f = fopen("/proc/self/maps", "r");
    if (!f) return false;
    while (fgets(line, sizeof line, f)) found |= strstr(line, file) != NULL;
    fclose(f);
    return found;
}

static mmoe_status score(mmoe_reader *reader, const mmoe_input *input, const int64_t *ids,
                         size_t count, mmoe_error *err) {
    const mmoe_column column = {MMOE_VALUE_INT64, ids, sizeof *ids};
    const mmoe_batch batch = {.rows = count, .input = input, .columns = &column, .column_count = 1};
    float scores[AT_ONCE];
    mmoe_served now;
    mmoe_status s = mmoe_reader_enter(reader, &now, err);
    if (s) return s;
    s = mmoe_predictor_run(now.predictor, &batch, scores, err);
    mmoe_reader_leave(reader);
    for (size_t i = 0; !s && i < count; i++) printf("%.9g\n", (double)scores[i]);
    return s;
}

static mmoe_status score_all(mmoe_reader *reader, const mmoe_input *input, FILE *from,
                             mmoe_error *err) {
    int64_t ids[AT_ONCE];
    mmoe_status s = MMOE_OK;
    for (size_t count = AT_ONCE; !s && count == AT_ONCE;) {
        long long id;
        for (count = 0; count < AT_ONCE && fscanf(from, "%lld", &id) == 1;) ids[count++] = id;
        if (count) s = score(reader, input, ids, count, err);
    }
    return s;
}

int main(int argc, char **argv) {
    const mmoe_model_load_options how = {.map_tables = 1, .late_pages = 1};
    mmoe_predictor_options options = {0};
    mmoe_model *model = NULL;
    mmoe_input *input = NULL;
    mmoe_slot *slot = NULL;
    mmoe_reader *reader = NULL;
    mmoe_error err;
    size_t mapped = 0, own = 0;
    FILE *ids = argc == 3 ? fopen(argv[2], "r") : NULL;
    if (!ids) return 2;
    mmoe_status s = mmoe_input_create(given, 1, NULL, &input, &err);
    options.input = input;
    if (!s) s = mmoe_model_load_with(argv[1], &how, NULL, &model, &err);
    if (!s) own = mmoe_model_bytes(model, &mapped);
    if (!s && (s = mmoe_slot_create_with(model, &options, NULL, &slot, &err)))
        mmoe_model_free(model); /* else it is the slot's */
    if (!s) s = mmoe_reader_create(slot, &reader, &err);
    if (!s) s = score_all(reader, input, ids, &err);
    if (s)
        fprintf(stderr, "%s\n", err.message);
    else
        fprintf(stderr,
                "{\"own\": %zu, \"mapped\": %zu, \"is_mapped\": %s, \"anonymous_kb\": %ld, "
                "\"file_kb\": %ld, \"peak_kb\": %ld}\n",
                own, mapped, maps(argv[1]) ? "true" : "false", kilobytes("RssAnon:"),
                kilobytes("RssFile:"), kilobytes("VmHWM:"));
    mmoe_reader_free(reader);
    mmoe_slot_free(slot);
    mmoe_input_free(input);
    fclose(ids);
    return s != MMOE_OK;
}
