#ifndef MMOE_TOOLS_PLAIN_H
#define MMOE_TOOLS_PLAIN_H

/* A name of a file or of its data as one line that changes no terminal (mmoe_utf8_plain), until the
 * fourth call after this one. */
const char *cli_plain(const char *text);

#endif
