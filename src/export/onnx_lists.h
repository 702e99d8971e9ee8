/* Sequences as ONNX nodes. */
#ifndef MMOE_EXPORT_ONNX_LISTS_H
#define MMOE_EXPORT_ONNX_LISTS_H

#include "export/onnx_values.h"

/* Adds a list's inputs, padded to the length L of the longest:
 *   NAME.ids      int64 [B, L]  rows of the table; what stands where the mask is false is not read
 *   NAME.mask     bool [B, L]   true: an element, false: padding, before, behind or between
 *   NAME.weights  float [B, L]  if its elements have weights
 * and what it is pooled to, [B, mmoe_lookup_width], which it returns. `table`: the initialiser. */
const char *mmoe_onnx_pool(mmoe_exporter *e, const char *table, const mmoe_lookup *l);

#endif
