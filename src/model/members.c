#include "model/members.h"

#include "base/error.h"

mmoe_status mmoe_members_make(const mmoe_model *of, mmoe_member_maker *make, void *context,
                              mmoe_model **out, mmoe_error *err) {
    mmoe_model *first = NULL, **at = &first;
    mmoe_status status = MMOE_OK;
    for (; !status && of; of = of->next) {
        status = make(of, context, at, err);
        if (!status) at = &(*at)->next;
    }
    if (status) {
        *at = NULL;
        mmoe_model_free(first);
    } else {
        *out = first;
    }
    return status;
}

mmoe_status mmoe_members_check_one(const mmoe_config *config, const char *call, mmoe_error *err) {
    if (config->members == 1) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_CONFIG,
                     "%s: model.members is %d: several ranks train a model of one member", call,
                     (int)config->members);
}
