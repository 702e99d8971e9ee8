/* Any text as a configuration: what is taken is written out as a text that reads back to the same.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "mmoe/train.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mmoe_config *config, *again;
    mmoe_error err;
    char *text, *same;
    if (mmoe_config_parse((const char *)data, size, NULL, NULL, &config, &err)) return 0;
    if (mmoe_config_text(config, &text, &err) ||
        mmoe_config_parse(text, strlen(text), NULL, NULL, &again, &err))
        abort();
    if (mmoe_config_text(again, &same, &err) || strcmp(text, same)) abort();
    mmoe_config_text_free(config, text);
    mmoe_config_text_free(again, same);
    mmoe_config_free(config);
    mmoe_config_free(again);
    return 0;
}
