/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/template-wish.h"

#include "berth/limits.h"
#include "host-agent/json-fields.h"

#include <string.h>

bool
berth_template_wish_parse(const json_t *object, BerthVmSpec *ret, bool *ret_is_spare,
                          GError **error)
{
    BerthJsonFields fields;
    BerthVmSpec spec = { .use_template = true };
    berth_json_fields_init(&fields, object, "wanted RAM template");
    berth_json_fields_id(&fields, "version", &spec.version);
    spec.vcpus =
        (int)berth_json_fields_optional_int(&fields, "vcpus", 1, BERTH_LIMIT_GUEST_VCPUS, 0);
    spec.memory_mib =
        (int)berth_json_fields_optional_int(&fields, "memory_mib", BERTH_LIMIT_GUEST_MEMORY_MIN_MIB,
                                            BERTH_LIMIT_GUEST_MEMORY_MAX_MIB, 0);
    const char *display =
        berth_json_fields_optional_string(&fields, "display_profile", BERTH_LIMIT_NAME_BYTES);
    if (display != NULL && display[0] != '\0') {
        berth_json_fields_fail(&fields, "display_profile", "is none that this host knows");
    }
    bool is_spare = berth_json_fields_optional_bool(&fields, "is_spare", false);
    if (!berth_json_fields_finish(&fields, error)) {
        return false;
    }
    *ret = spec;
    *ret_is_spare = is_spare;
    ret->name = g_strdup("template");
    return true;
}
