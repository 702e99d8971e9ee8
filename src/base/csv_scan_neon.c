#define MMOE_SCANNER_NAME neon
#define MMOE_NEON
#include "base/csv_scan_body.h"
