#define MMOE_KERNELS_NAME avx2
#include "math/kernels_body.h"
