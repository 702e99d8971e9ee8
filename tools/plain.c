#include "plain.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

const char *cli_plain(const char *text) {
    enum { ROOMS = 4 };
    static char *rooms[ROOMS];
    static int next;
    char **room = &rooms[next++ % ROOMS];
    free(*room);
    *room = strdup(text);
    if (!*room) return "?";
    mmoe_utf8_plain(*room, '?');
    return *room;
}
