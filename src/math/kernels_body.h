/* The kernels, written once in vectors of W floats (simd.h); included by one file for each
 * instruction set. */
#include "math/act_body.h"
#include "math/attend_body.h"
#include "math/bins_body.h"
#include "math/dropout_body.h"
#include "math/gate_body.h"
#include "math/gemm_body.h"
#include "math/gradient_body.h"
#include "math/kernels.h"
#include "math/lookup_body.h"
#include "math/loss_body.h"
#include "math/mix_body.h"
#include "math/norm_body.h"
#include "math/optimizer_body.h"
#include "math/simd.h"
#include "math/small_gemm_body.h"
#include "math/widen_body.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

#if W == 16
#define PACKS_STEPS INT32_MAX
#elif W == 8
#define PACKS_STEPS (1 << 16)
#else
#define PACKS_STEPS 0
#endif

extern const mmoe_kernels PASTE(mmoe_kernels_, MMOE_KERNELS_NAME);
const mmoe_kernels PASTE(mmoe_kernels_, MMOE_KERNELS_NAME) = {
    .name = TEXT(MMOE_KERNELS_NAME),
    .column_stats = column_stats,
    .act_forward = act_forward,
    .act_backward = act_backward,
    .column_sums = column_sums,
    .relu_backward_sums = relu_backward_sums,
    .norm_backward = norm_backward,
    .gate_forward = gate_forward,
    .gate_backward = gate_backward,
    .mix_forward = mix_forward,
    .mix_backward = mix_backward,
    .attend_forward = attend_forward,
    .attend_backward = attend_backward,
    .gemm_narrow = gemm_narrow,
    .gemm_one_row = gemm_one_row,
    .narrow_n = W,
    .mix_cols = W,
    .philox = philox,
    .dropout = dropout,
    .sigmoid = sigmoid_kernel,
    .bce = bce,
    .shaped_bce = shaped_bce,
    .joint_logit = joint_logit,
    .exp = exp_kernel,
    .adam = adam,
    .adam_rows = adam_rows,
    .sgd = sgd,
    .adagrad = adagrad,
    .adagrad_row = adagrad_row,
    .adam_idle = adam_idle,
    .sgd_idle = sgd_idle,
    .adagrad_idle = adagrad_idle,
    .adagrad_row_idle = adagrad_row_idle,
    .leap = leap,
    .regularize = regularize,
    .dot = dot,
    .combine = combine,
    .add = add,
    .blend = blend,
    .packed_size = packed_size,
    .pack = pack,
    .pack_rows = pack_rows,
    .gemm = gemm,
    .transpose = transpose,
    .lookup_add = lookup_add,
    .lookup_spread = lookup_spread,
    .widen_bf16 = widen_bf16,
    .widen_int8 = widen_int8,
    .bag_add = bag_add,
    .bag_spread = bag_spread,
    .raise_most = raise_most,
    .count_scores = count_scores,
    .gemm_outer = gemm_outer,
    .packs_steps = PACKS_STEPS,
    .outer_steps = W == 16,
    .small_steps = W == 8 ? 1 << 12 : 0,
};
