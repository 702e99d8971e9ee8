#define MMOE_SCANNER_NAME generic
#include "base/csv_scan_body.h"
