/* The rows of a click log as text, and how well their own probabilities rank them. */

#include "binned_auc.h"
#include "synth_chunks.h"
#include "synth_text.h"
#include "synth_world.h"

/* Bytes of a row at most: two labels, an id or number and its comma a column, the lists, a line
 * end. */
enum {
    ROW_SIZE = 4 + (SYNTH_MOST_DIGITS + 1) * (SYNTH_IDS + SYNTH_NUMBERS) + SYNTH_LISTS_SIZE + 3,
    TRUTH_SIZE = 40
};

typedef struct click_log {
    const synth_world *world;
    bool with_lists, with_truth;
    binned_auc clicks, purchases;
} click_log;

/* Of a row. */
typedef struct ranks {
    uint32_t click, purchase; /* as binned_auc_place has them */
} ranks;

static char *put_row(const click_log *log, const synth_click_row *row, char *to) {
    to = synth_put_id(to, row->is_click);
    to = synth_put_id(synth_put(to, ','), row->is_purchase);
    for (int c = 0; c < SYNTH_IDS; c++) to = synth_put_id(synth_put(to, ','), (uint32_t)row->id[c]);
    for (int d = 0; d < SYNTH_NUMBERS; d++)
        to = synth_put_decimal(synth_put(to, ','), (uint32_t)row->number[d], 4);
    if (log->with_lists) to = synth_lists_write(synth_put(to, ','), &row->lists);
    return synth_put(to, '\n');
}

static void draw_clicks(void *context, synth_chunk *chunk) {
    const click_log *log = context;
    ranks *notes = chunk->notes;
    synth_click_row row;
    for (int i = 0; i < chunk->rows; i++) {
        synth_world_draw(log->world, (uint64_t)(chunk->first + i), &row);
        chunk->text = put_row(log, &row, chunk->text);
        if (log->with_truth)
            chunk->truth +=
                snprintf(chunk->truth, TRUTH_SIZE, "%.9g,%.9g\n", row.purchase, row.click);
        notes[i].click = binned_auc_place(row.click, row.is_click);
        notes[i].purchase = binned_auc_place(row.purchase, row.is_purchase);
    }
}

static void rank_clicks(void *context, const synth_chunk *chunk) {
    click_log *log = context;
    const ranks *notes = chunk->notes;
    for (int i = 0; i < chunk->rows; i++) {
        binned_auc_add(&log->clicks, notes[i].click);
        binned_auc_add(&log->purchases, notes[i].purchase);
    }
}

static void write_header(FILE *out, bool with_lists) {
    fputs("click,purchase", out);
    for (int c = 0; c < SYNTH_IDS; c++) fprintf(out, ",%s", synth_id_name(c));
    for (int d = 0; d < SYNTH_NUMBERS; d++) fprintf(out, ",%s", synth_number_name(d));
    fputs(with_lists ? ",history,tags\n" : "\n", out);
}

static int write_clicks(const synth_rows *rows, const cli_file *truth, click_log *log,
                        synth_clicks_result *result) {
    const synth_drawing drawing = {.rows = rows,
                                   .truth = truth,
                                   .row_size = ROW_SIZE,
                                   .truth_size = truth ? TRUTH_SIZE : 0,
                                   .note_size = sizeof(ranks),
                                   .context = log,
                                   .draw = draw_clicks,
                                   .take = rank_clicks};
    write_header(rows->out->stream, log->with_lists);
    if (truth) fputs("purchase,click\n", truth->stream);
    const int status = synth_draw(&drawing);
    if (status) return status;
    *result =
        (synth_clicks_result){binned_auc_rate(&log->clicks), binned_auc_rate(&log->purchases),
                              binned_auc_read(&log->clicks), binned_auc_read(&log->purchases)};
    return CLI_OK;
}

int synth_clicks(const synth_rows *rows, const synth_clicks_shape *shape, const cli_file *truth,
                 synth_clicks_result *result) {
    click_log log = {.with_lists = shape->lists, .with_truth = truth != NULL};
    synth_world *world = synth_world_new(rows->seed, shape->lists, shape->ali_ccp_sizes);
    log.world = world;
    int status = CLI_OK;
    if (!world || !binned_auc_make(&log.clicks) || !binned_auc_make(&log.purchases))
        status = cli_fail_memory();
    if (!status) status = write_clicks(rows, truth, &log, result);
    binned_auc_free(&log.clicks);
    binned_auc_free(&log.purchases);
    synth_world_free(world);
    return status;
}
