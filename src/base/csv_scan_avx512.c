#define MMOE_SCANNER_NAME avx512
#include "base/csv_scan_body.h"
