#define MMOE_KERNELS_NAME avx512
#include "math/kernels_body.h"
