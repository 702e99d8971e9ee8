/* What the sections of `mmoe report` share: text, numbers, notices, tables and figures of an HTML
 * page. */
#ifndef MMOE_TOOLS_REPORT_HTML_H
#define MMOE_TOOLS_REPORT_HTML_H

#include <stdio.h>

#include "cli.h"

/* So that a page stays below 2 MB whatever the model. */
enum {
    REPORT_TASKS = 16,
    REPORT_GATES = 16,
    REPORT_EXPERTS = 64,
    REPORT_LEVELS = 8,
    REPORT_NAME = 64,
    REPORT_VALUE = 160
};

typedef struct report_page {
    FILE *out;
    bool incomplete; /* a notice says what is not shown */
} report_page;

/* Escaped; bytes that are no UTF-8 and control characters become U+FFFD. */
void cli_html_text(FILE *out, const char *text);
/* The same of at most `most` characters, the rest replaced by an ellipsis. */
void cli_html_cut(FILE *out, const char *text, size_t most);
/* A task's, column's or expert's name: REPORT_NAME characters. */
void cli_html_name(FILE *out, const char *name);
/* Bytes of the text's first characters, at most `most`; for printf's "%.*s". */
int cli_html_fit(const char *text, size_t most);
/* A count, 199 523; a dash when it is none. */
void cli_html_count(FILE *out, double value);
/* `digits` behind the point; a dash when the value is not finite. */
void cli_html_fixed(FILE *out, int digits, double value);
/* `digits` significant ones; a dash when the value is not finite. */
void cli_html_number(FILE *out, int digits, double value);

/* As cli_figure_text has it; a dash when the value is not finite. */
void cli_html_metric(FILE *out, double value);

/* The page's style sheet. */
void cli_html_style(FILE *out);
void cli_html_begin(FILE *out, const char *title);
void cli_html_end(FILE *out);
/* A section with its heading and a sentence, which may be NULL; closed by "</section>". */
void cli_html_section(FILE *out, const char *id, const char *title, const char *sentence);
/* What is not as it should be, in the page and on standard error; the page is then incomplete. */
void cli_html_notice(report_page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A remark in the page alone. */
void cli_html_remark(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The on_warning of a report: in the page, and on standard error. `user` is a report_remarks. */
typedef struct report_remarks {
    FILE *page;
    const char *file; /* what it is of */
} report_remarks;
void cli_html_warn(void *user, const mmoe_warning *warning);
/* A figure's begin with its caption, plain text; closed by "</figure>". `class` may be "". */
void cli_html_figure(FILE *out, const char *class, const char *title, const char *sentence);
/* A table in a figure, which scrolls where it is too wide, up to its first row: names of columns,
 * those after the first `left` numbers. */
void cli_html_table(FILE *out, const char *title, const char *sentence, const char *const *columns,
                    int count, int left);
void cli_html_table_end(FILE *out);

#endif
