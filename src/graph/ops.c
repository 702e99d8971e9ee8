#include "graph/op.h"

const mmoe_op_kind *const mmoe_ops[MMOE_OP_COUNT] = {
#define MMOE_OP_ROW(NAME, name) [MMOE_OP_##NAME] = &mmoe_op_##name,
    MMOE_OP_LIST(MMOE_OP_ROW)
#undef MMOE_OP_ROW
};
