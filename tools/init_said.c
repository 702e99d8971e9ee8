#include "init_said.h"

#include <stdio.h>
#include <string.h>

#include "warnings.h"

void cli_said_flush(cli_said *of) {
    const int more = of->first ? (int)(of->last - of->first) : 0;
    if (of->first && !more) cli_note("column \"%s\" %s", of->first->name, of->remark);
    if (more == 1)
        cli_note("columns \"%s\" and \"%s\" %s", of->first->name, of->last->name, of->remark);
    if (more > 1)
        cli_note("columns \"%s\" to \"%s\" (%d) %s", of->first->name, of->last->name, more + 1,
                 of->remark);
    of->first = NULL;
}

/* Has it no verb that is of one column? */
static bool may_be_of_several(const char *remark) {
    static const char taken[] = "taken", left[] = "left out: one";
    return strncmp(remark, taken, strlen(taken)) == 0 || strncmp(remark, left, strlen(left)) == 0;
}

void cli_said_add(cli_said *of, const cli_column *c, const char *remark) {
    const bool is_same = of->first && of->last + 1 == c && strcmp(of->remark, remark) == 0;
    if (!is_same || !may_be_of_several(remark)) cli_said_flush(of);
    if (!*remark) return;
    if (!of->first) of->first = c;
    of->last = c;
    snprintf(of->remark, sizeof of->remark, "%s", remark);
}
