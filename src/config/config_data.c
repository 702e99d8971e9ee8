/* Schemas and data sets that a configuration asks for. */
#include "base/error.h"
#include "data/arrow_stream.h"
#include "data/dataset.h"
#include "config/config.h"

mmoe_label_column *mmoe_config_labels(const mmoe_config *config, const mmoe_allocator *alloc) {
    mmoe_label_column *labels = mmoe_alloc(alloc, (size_t)config->n_task, sizeof *labels);
    for (int32_t i = 0; labels && i < config->n_task; i++) {
        const mmoe_task_config *task = config->tasks + i;
        labels[i] = (mmoe_label_column){.name = task->label,
                                        .task = task->name,
                                        .type = task->type,
                                        .positive = task->positive,
                                        .text = task->text,
                                        .scale = {.transform = task->label_transform, .unit = 1}};
    }
    return labels;
}

static mmoe_status fit_stream(const mmoe_config *config, mmoe_arrow_stream *stream,
                              mmoe_schema **schema, mmoe_dataset **out, mmoe_error *err) {
    const mmoe_allocator *a = &stream->alloc;
    mmoe_label_column *labels = mmoe_config_labels(config, a);
    if (!labels) return mmoe_fail_memory(err, (size_t)config->n_task * sizeof *labels);
    const mmoe_schema_wanted wanted = {&config->features, labels, config->n_task, NULL};
    const mmoe_row_source rows = mmoe_arrow_stream_rows(stream);
    const mmoe_status status = mmoe_rows_fit(&rows, &wanted, a, schema, out, err);
    mmoe_release(a, labels);
    return status;
}

mmoe_status mmoe_dataset_fit_arrow(const mmoe_config *config, struct ArrowArrayStream *stream,
                                   const mmoe_allocator *alloc, mmoe_schema **schema,
                                   mmoe_dataset **out, mmoe_error *err) {
    static const char call[] = "mmoe_dataset_fit_arrow";
    mmoe_arrow_stream s;
    mmoe_status status = mmoe_arrow_stream_open(stream, call, alloc, &s, err);
    if (status) return status;
    if (!config || !schema || !out)
        status = mmoe_fail(err, MMOE_E_ARGUMENT, "%s: an argument is NULL", call);
    if (!status) status = mmoe_allocator_check(alloc, call, err);
    if (!status) status = fit_stream(config, &s, schema, out, err);
    stream->release(stream);
    return status;
}

mmoe_status mmoe_dataset_keep_groups(mmoe_dataset *dataset, const mmoe_config *config,
                                     const mmoe_schema *schema, const char *path, mmoe_error *err) {
    if (!config) return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_dataset_keep_groups: config is NULL");
    return config->group ? mmoe_dataset_keep_csv(dataset, schema, path, config->group, err)
                         : MMOE_OK;
}

/* Without a file there is nothing to learn from. */
static mmoe_status check_encoder(const mmoe_encoder *e, const char *name, mmoe_error *err) {
    const char *fault = e->kind->without_file ? e->kind->without_file(e) : NULL;
    return fault ? mmoe_fail_at(err, MMOE_E_CONFIG, NULL, 0, name, "%s", fault) : MMOE_OK;
}

/* A number's encoder, and what stands for a missing one. */
static mmoe_status check_number(mmoe_dense_column *c, mmoe_error *err) {
    char room[MMOE_FAULT_SIZE];
    const mmoe_status status = check_encoder(c->encoder, c->name, err);
    if (status) return status;
    const char *fault = c->gap.rule.word == MMOE_MISSING_MEAN
                            ? "a schema without a file needs a \"missing\" that is a number"
                            : mmoe_gap_settle(&c->gap, c->encoder, room);
    if (fault == mmoe_column_no_memory) return mmoe_fail_memory(err, sizeof *c->gap.fill);
    return fault ? mmoe_fail_at(err, MMOE_E_CONFIG, NULL, 0, c->name, "%s", fault) : MMOE_OK;
}

static mmoe_status check_ready(mmoe_schema *schema, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < schema->n_table; i++)
        status = check_encoder(schema->tables[i].encoder, schema->tables[i].name, err);
    for (int32_t i = 0; !status && i < schema->n_dense; i++)
        status = check_number(&schema->dense[i], err);
    for (int32_t i = 0; !status && i < schema->n_label; i++)
        if (schema->labels[i].scale.transform == MMOE_LABEL_STANDARDIZE)
            status = mmoe_fail_at(err, MMOE_E_CONFIG, NULL, 0, schema->labels[i].name,
                                  "a schema without a file needs a label_transform that is not "
                                  "fitted: \"none\" or \"log1p\"");
    return status;
}

mmoe_status mmoe_schema_create(const mmoe_config *config, const char *const *columns,
                               size_t n_columns, const mmoe_allocator *alloc, mmoe_schema **out,
                               mmoe_error *err) {
    if (!config || !columns || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_schema_create: an argument is NULL");
    for (size_t i = 0; i < n_columns; i++)
        if (!columns[i])
            return mmoe_fail(err, MMOE_E_ARGUMENT,
                             "mmoe_schema_create: the name of column %zu is NULL", i);
    if (mmoe_allocator_check(alloc, "mmoe_schema_create", err)) return MMOE_E_ARGUMENT;
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_label_column *labels = mmoe_config_labels(config, &a);
    if (!labels) return mmoe_fail_memory(err, (size_t)config->n_task * sizeof *labels);
    mmoe_schema *schema = NULL;
    const mmoe_schema_wanted wanted = {&config->features, labels, config->n_task, "columns"};
    mmoe_status status = mmoe_schema_bind(&wanted, columns, n_columns, alloc, &schema, err);
    mmoe_release(&a, labels);
    if (status == MMOE_OK) status = check_ready(schema, err);
    for (int32_t i = 0; status == MMOE_OK && i < schema->n_table; i++)
        mmoe_table_settle(&schema->tables[i]);
    if (status == MMOE_OK)
        *out = schema;
    else
        mmoe_schema_free(schema);
    return status;
}
