#define MMOE_KERNELS_NAME generic
#include "math/kernels_body.h"
