/* What the name of a column of integers says. */
#ifndef MMOE_TOOLS_INIT_NAMES_H
#define MMOE_TOOLS_INIT_NAMES_H

#include <stdbool.h>

/* Of ids: its last word is id, user, item, zip, code or the like ("user_id", "itemId", "ZIP", not
 * "user_age"), or it is the number of a field, as in Ali-CCP ("101", "109_14"), or of a category,
 * "C14". */
bool cli_name_is_id(const char *name);
/* Of a number of the row: an id's, or its last word is key, index, number or the like. */
bool cli_name_is_key(const char *name);

/* Of what was clicked, seen or bought: its last word is hist, history, sequence, clicked or the
 * like. */
bool cli_name_is_history(const char *name);

#endif
