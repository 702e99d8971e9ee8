#include <inttypes.h>

#include "columns.h"
#include "report_sections.h"

enum { MOST_LISTS = 64 };

static void write_number(FILE *out, int digits, double value) {
    fputs("</td><td class=\"n\">", out);
    cli_html_fixed(out, digits, value);
}

static void write_count(FILE *out, int64_t count) {
    fputs("</td><td class=\"n\">", out);
    cli_html_count(out, (double)count);
}

static void write_row(FILE *out, const cli_lists *l) {
    const mmoe_column_counts *c = l->counts;
    fputs("<tr><th scope=\"row\">", out);
    cli_html_name(out, l->name);
    fprintf(out, "</th><td>%s", l->format.pooling);
    write_count(out, c->values);
    write_number(out, 2, l->mean);
    write_count(out, l->median);
    write_count(out, l->longest);
    write_number(out, 1, cli_share(l->empty, l->rows));
    write_number(out, 1, cli_share(c->cut, l->rows));
    write_number(out, 1, cli_share(c->missing, c->values));
    write_number(out, 1, cli_share(c->unknown, c->values));
    fputs("</td></tr>\n", out);
}

static void begin_lists(FILE *out) {
    const char *const columns[] = {"list",    "pooling", "elements", "mean length", "median",
                                   "longest", "% empty", "% cut",    "% missing",   "% unknown"};
    cli_html_table(out, "Lists of these rows",
                   "Lengths as the model reads them: cut to max_len, without padding. Missing and "
                   "unknown are of the elements, the other shares of the lists.",
                   columns, sizeof columns / sizeof *columns, 2);
}

void cli_report_lists(report_page *page, const mmoe_model *model, const mmoe_dataset *data) {
    cli_lists l;
    int found = 0, written = 0;
    for (int32_t i = 0; found >= 0 && i < mmoe_model_sparse_count(model); i++) {
        if (!mmoe_model_sparse_list(model, i, NULL) || written++ >= MOST_LISTS) continue;
        found = cli_lists_of(model, data, i, written - 1, &l);
        if (written == 1) begin_lists(page->out);
        if (found == 1) write_row(page->out, &l);
    }
    if (written) cli_html_table_end(page->out);
    if (written > MOST_LISTS)
        cli_html_remark(page->out, "the first %d of %d lists are shown.", MOST_LISTS, written);
    if (found < 0) cli_html_notice(page, "out of memory");
}
