/* What the library says of itself: its version, and its statuses in words. */
#include "mmoe/mmoe.h"

#define STRINGIFY_(x) #x
#define STRINGIFY(x) STRINGIFY_(x)

const char *mmoe_version(void) {
    return STRINGIFY(MMOE_VERSION_MAJOR) "." STRINGIFY(MMOE_VERSION_MINOR) "." STRINGIFY(
        MMOE_VERSION_PATCH);
}

const char *mmoe_status_string(mmoe_status status) {
    switch (status) {
    case MMOE_OK:
        return "success";
    case MMOE_E_ARGUMENT:
        return "invalid argument";
    case MMOE_E_MEMORY:
        return "out of memory";
    case MMOE_E_IO:
        return "input or output failed";
    case MMOE_E_FORMAT:
        return "malformed file";
    case MMOE_E_VERSION:
        return "file of a newer version";
    case MMOE_E_CONFIG:
        return "invalid configuration";
    case MMOE_E_DATA:
        return "invalid data";
    case MMOE_E_NUMERIC:
        return "value is not finite";
    case MMOE_E_CANCELLED:
        return "cancelled";
    default:
        return "unknown status";
    }
}
