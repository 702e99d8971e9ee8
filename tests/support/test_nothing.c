/* A program without a case, as of a table that came out empty. */
#include "check_main.h"

void add_cases(TCase *c) { (void)c; }
