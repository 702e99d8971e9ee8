#define MMOE_SCANNER_NAME avx2
#include "base/csv_scan_body.h"
