#include "init_bins.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "init_gaps.h"

/* A number of so many values has a bin for each. */
enum { FEW_VALUES = 10 };

/* As many as are of about equal size. */
static int count_bins(const cli_survey *s, const cli_column *c) {
    static const int counts[] = {10, 8, 6, 5, 4, 3, 0};
    return cli_sample_bins(&s->sample, cli_column_place(s, c), true, counts);
}

/* A number of as few digits as the configuration takes, at most the value and above the one that
 * stands before. */
static double boundary_at(const cli_step *step) {
    double number = step->value;
    char text[32];
    snprintf(text, sizeof text, "%.9g", number);
    number = strtod(text, NULL);
    if (number <= step->value && number > step->before) return number;
    snprintf(text, sizeof text, "%.9g", step->before + (step->value - step->before) / 2);
    return strtod(text, NULL);
}

static json_t *boundaries_json(const cli_step *steps, int count) {
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        const double at = boundary_at(&steps[i]);
        const bool is_whole = at == floor(at) && fabs(at) < 1e15;
        json_array_append_new(list, is_whole ? json_integer((json_int_t)at) : json_real(at));
    }
    return list;
}

json_t *cli_guess_bins(const cli_survey *s, const cli_column *c) {
    cli_step found[FEW_VALUES];
    const int steps = cli_sample_steps(&s->sample, cli_column_place(s, c), FEW_VALUES, found),
              bins = steps < 0 ? count_bins(s, c) : 0;
    if (!bins && steps < 2) return NULL;
    json_t *json = json_pack("{s:o, s:s, s:i}", "name",
                             cli_survey_free_name(s, json_sprintf("%s_bins", c->name)), "column",
                             c->name, "embed_dim", 4);
    if (bins)
        json_object_set_new(json, "quantiles", json_integer(bins));
    else
        json_object_set_new(json, "boundaries", boundaries_json(found, steps));
    cli_write_marks(c, json);
    cli_write_gaps(c, json);
    return json;
}
