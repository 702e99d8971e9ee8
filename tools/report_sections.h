/* The sections of the page that `mmoe report` writes, in their order. */
#ifndef MMOE_TOOLS_REPORT_SECTIONS_H
#define MMOE_TOOLS_REPORT_SECTIONS_H

#include "data_files.h"
#include "report_html.h"
#include "report_log.h"

/* What is shown of which run, its keys, what is wrong with the log. */
void cli_report_head(report_page *page, const report_log *log);
/* Metrics of the kept weights, as the log has them. */
void cli_report_result_of(report_page *page, const report_log *log);
void cli_report_curves(report_page *page, const report_log *log);
/* The slowest nodes, if the run was profiled. */
void cli_report_nodes(report_page *page, const report_log *log);

typedef struct report_model {
    const char *model_path;
    const cli_rows *data;
    int threads;
    int64_t skip_bad;
} report_model;

/* Metrics, ROC and calibration curves of the model's predictions, what its gates and experts do on
 * these rows. */
void cli_report_model(report_page *page, const report_log *log, const report_model *of);
/* How long the rows' lists are, if there are any. */
void cli_report_lists(report_page *page, const mmoe_model *model, const mmoe_dataset *data);
void cli_report_predictions(report_page *page, const mmoe_model *model, const mmoe_dataset *data,
                            const report_model *of);
void cli_report_experts(report_page *page, const mmoe_inspection *inspection);

/* A table of the metrics of some types, a bit 1 << type each, and one where rows have groups. */
enum { REPORT_WITH_GROUPS = 1 << 30 };
void cli_report_metrics_head(FILE *out, const char *title, const char *sentence, uint32_t types);
/* `rows` NaN: not known; `metrics` as cli_metrics_json has them. */
void cli_report_metrics_row(FILE *out, const char *task, const char *where, double rows,
                            const json_t *metrics, uint32_t types);

/* "cgc_layers.0.experts_shared.1" is "experts_shared.1" where its level is told besides. */
const char *cli_report_short_name(const char *name);

#endif
