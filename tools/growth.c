#include "growth.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "output.h"
#include "plain.h"

static void say_table(const mmoe_table_info *was, const mmoe_table_info *is) {
    char fresh[MMOE_NUMBER_SIZE], all[MMOE_NUMBER_SIZE];
    if (is->values < 0) {
        cli_note("%s: its ids are of the kind \"%s\", whose %" PRId64 " rows do not grow", is->name,
                 is->kind, is->rows);
        return;
    }
    mmoe_format_count(is->values - was->values, fresh);
    mmoe_format_count(is->values, all);
    cli_note("%s: %s of %s values are new", is->name, fresh, all);
}

void cli_say_growth(const mmoe_model *before, const mmoe_model *after) {
    mmoe_table_info was, is;
    for (size_t i = 0; !mmoe_model_table(before, i, &was) && !mmoe_model_table(after, i, &is); i++)
        say_table(&was, &is);
}

void cli_print_shrinkage(const mmoe_model *before, const mmoe_model *after) {
    mmoe_table_info was, is;
    char values[2][MMOE_NUMBER_SIZE];
    printf("%-24s%14s%14s%10s\n", "column", "values", "kept", "% kept");
    for (size_t i = 0; !mmoe_model_table(before, i, &was) && !mmoe_model_table(after, i, &is);
         i++) {
        if (is.values < 0) continue;
        mmoe_format_count(was.values, values[0]);
        mmoe_format_count(is.values, values[1]);
        printf("%-24s%14s%14s%10.1f\n", cli_plain(is.name), values[0], values[1],
               was.values ? 100 * (double)is.values / (double)was.values : 100.0);
    }
}
