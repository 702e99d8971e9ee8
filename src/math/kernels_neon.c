#define MMOE_KERNELS_NAME neon
#define MMOE_NEON
#include "math/kernels_body.h"
