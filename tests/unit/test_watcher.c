/* What a watcher is told of work: from nothing done to all, at every block of rows or bytes. */
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "inspect_support.h"
#include "watched_support.h"

enum { ROWS = 140000 };

START_TEST(inspection_is_watched) {
    world w = by_hand("", ROWS);
    const mmoe_inspect_options options = {2, &watcher};
    mmoe_inspection *in = NULL, *alone = inspect(&w, 2);
    SUCCEEDS(mmoe_inspect_with(w.model, w.rows, &options, NULL, &in, &err));
    check_watched(0, "inspecting", "rows", ROWS, 4);
    ck_assert_int_eq(watched.count, 1);
    ck_assert_double_eq(in->gates[0].entropy, alone->gates[0].entropy);
    mmoe_inspection_free(alone);
    mmoe_inspection_free(in);
    world_end(&w);
}
END_TEST

START_TEST(evaluation_is_watched) {
    world w = by_hand("", ROWS);
    mmoe_task_metrics metrics[2];
    const mmoe_evaluate_options options = {.threads = 2, .watcher = &watcher};
    SUCCEEDS(mmoe_evaluate_by(w.model, w.rows, &options, NULL, metrics, NULL, &err));
    check_watched(0, "evaluating", "rows", ROWS, 4);
    ck_assert_int_eq(watched.count, 1);
    world_end(&w);
}
END_TEST

/* Its bytes. */
static int64_t put_rows(void) {
    FILE *file = fopen(in_folder("d.csv"), "w");
    ck_assert_ptr_nonnull(file);
    fputs("d0,d1,x,y\n", file);
    for (int i = 0; i < ROWS; i++) fprintf(file, "%d,1,0,%d\n", i % 7, i % 2);
    const int64_t size = ftell(file);
    ck_assert_int_eq(fclose(file), 0);
    return size;
}

static mmoe_read_options reading;

static void begin(int threads) {
    make_folder();
    reading = (mmoe_read_options){.threads = threads, .watcher = &watcher};
}

/* One thread reads in sequence, two in blocks, the first of which tells what the file is. */
START_TEST(fitting_is_watched) {
    begin(_i);
    const int64_t size = put_rows();
    world w = by_hand("", 1);
    mmoe_schema *schema = NULL;
    mmoe_dataset *set = NULL;
    SUCCEEDS(mmoe_dataset_fit_csv_with(w.config, in_folder("d.csv"), &reading, NULL, &schema, &set,
                                       &err));
    check_watched(0, "reading", "bytes", size, _i == 1 ? 5 : 3);
    ck_assert_int_eq(watched.works[0].last.rows, ROWS);
    ck_assert_str_eq(watched.works[0].last.file, in_folder("d.csv"));
    check_watched(1, "learning", "rows", ROWS, 2); /* once over all, for the labels */
    check_watched(2, "encoding", "rows", ROWS, 2);
    ck_assert_int_eq(watched.count, 3);
    mmoe_dataset_free(set);
    mmoe_schema_free(schema);
    world_end(&w);
    remove_folder();
}
END_TEST

/* By a schema that stands rows are encoded, and packed, as they are read; and then loaded. */
START_TEST(streaming_is_watched) {
    begin(2);
    const int64_t size = put_rows();
    world w = by_hand("", 1);
    mmoe_dataset *set = NULL;
    reading.stream_folder = folder;
    SUCCEEDS(mmoe_dataset_read_csv_with(w.schema, in_folder("d.csv"), &reading, NULL, &set, &err));
    check_watched(0, "reading", "bytes", size, 3);
    ck_assert_int_eq(watched.count, 1);
    SUCCEEDS(mmoe_dataset_load(set, 1, &watcher, &err));
    check_watched(1, "loading", "rows", ROWS, 9);
    ck_assert_int_eq(watched.count, 2);
    mmoe_dataset_free(set);
    world_end(&w);
    remove_folder();
}
END_TEST

static int stops;

static void stop_work(void *user, const mmoe_work *work) {
    if (work->done > 0 && strcmp(work->what, user) == 0) stops = 1;
}

/* Whatever is being done; nothing is made, and nothing is left of a folder. */
START_TEST(a_stop_ends_reading) {
    static const char *const works[] = {"reading", "learning"};
    const mmoe_watcher stopping = {stop_work, (void *)(uintptr_t)works[_i / 2]};
    begin(1 + _i % 2);
    put_rows();
    world w = by_hand("", 1);
    mmoe_error why;
    mmoe_schema *schema = NULL;
    mmoe_dataset *set = NULL;
    reading.watcher = &stopping;
    reading.stop = &stops;
    char packed[200], path[200];
    snprintf(packed, sizeof packed, "%s/p", folder);
    snprintf(path, sizeof path, "%s/d.csv", folder);
    const mmoe_csv_packing what = {
        .path = path, .folder = packed, .config = w.config, .reading = reading};
    ck_assert_int_eq(mmoe_pack_csv(&what, NULL, &set, &why), MMOE_E_CANCELLED);
    ck_assert_str_eq(why.message, "reading was stopped");
    ck_assert_int_eq(access(packed, F_OK), -1);
    ck_assert_ptr_null(set);
    stops = 0;
    ck_assert_int_eq(mmoe_dataset_fit_csv_with(w.config, path, &reading, NULL, &schema, &set, &why),
                     MMOE_E_CANCELLED);
    ck_assert_ptr_null(set);
    ck_assert_ptr_null(schema);
    world_end(&w);
    remove_folder();
}
END_TEST

/* Each piece of a file that is written. */
START_TEST(writing_is_watched) {
    static mmoe_status (*const writers[])(const mmoe_model *model, const char *path,
                                          mmoe_error *err) = {
        mmoe_model_save, mmoe_model_export_weights, mmoe_model_export_onnx};
    make_folder();
    world w = by_hand("", 1);
    const char *path = in_folder("written");
    mmoe_model_watch(w.model, &watcher);
    SUCCEEDS(writers[_i](w.model, path, &err));
    struct stat file;
    ck_assert_int_eq(stat(path, &file), 0);
    check_watched(0, "writing", "bytes", file.st_size, 2);
    const int times = watched.works[0].times;
    mmoe_model_watch(w.model, NULL);
    SUCCEEDS(writers[_i](w.model, path, &err));
    ck_assert_int_eq(watched.works[0].times, times);
    world_end(&w);
    remove_folder();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, inspection_is_watched);
    tcase_add_test(c, evaluation_is_watched);
    tcase_add_loop_test(c, fitting_is_watched, 1, 3);
    tcase_add_test(c, streaming_is_watched);
    tcase_add_loop_test(c, a_stop_ends_reading, 0, 4);
    tcase_add_loop_test(c, writing_is_watched, 0, 3);
}
