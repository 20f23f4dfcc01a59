/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/vm-network.h"

#include <string.h>

static const char *const modes[] = {
    [BERTH_NETWORK_USER] = "user",
    [BERTH_NETWORK_BRIDGE] = "bridge",
    [BERTH_NETWORK_NONE] = "none",
};

bool
berth_interface_name_is_plain(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len < BERTH_INTERFACE_CHARS && g_ascii_isalnum(name[0]) &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

static BerthNetworkMode
read_mode(BerthJsonFields *fields)
{
    const char *mode = berth_json_fields_optional_string(fields, "mode", BERTH_INTERFACE_CHARS);
    for (size_t i = 0; mode != NULL && i < G_N_ELEMENTS(modes); i++) {
        if (strcmp(mode, modes[i]) == 0) {
            return (BerthNetworkMode)i;
        }
    }
    if (mode != NULL) {
        berth_json_fields_fail(fields, "mode", "is neither user nor bridge nor none");
    }
    return BERTH_NETWORK_USER;
}

static void
read_bridge(BerthJsonFields *fields, BerthVmNetwork *ret)
{
    const char *bridge =
        berth_json_fields_optional_string(fields, "bridge", BERTH_INTERFACE_CHARS - 1);
    ret->vlan = (int)berth_json_fields_optional_int(fields, "vlan", 1, BERTH_VLAN_MAX, 0);
    if (ret->mode != BERTH_NETWORK_BRIDGE) {
        if (bridge != NULL || ret->vlan != 0) {
            berth_json_fields_fail(fields, "mode", "must be \"bridge\" beside a bridge or a VLAN");
        }
        return;
    }
    if (bridge == NULL || !berth_interface_name_is_plain(bridge)) {
        berth_json_fields_fail(fields, "bridge", "is not the name of an interface");
        return;
    }
    g_strlcpy(ret->bridge, bridge, sizeof ret->bridge);
}

void
berth_vm_network_read(BerthJsonFields *fields, BerthVmNetwork *ret)
{
    BerthJsonFields inner;
    GError *error = NULL;
    memset(ret, 0, sizeof *ret);
    ret->is_isolated = true;
    json_t *object = berth_json_fields_optional_object(fields, "network");
    if (object == NULL) {
        return;
    }
    berth_json_fields_init(&inner, object, "network of a machine");
    ret->mode = read_mode(&inner);
    ret->is_isolated = berth_json_fields_optional_bool(&inner, "isolate", true);
    read_bridge(&inner, ret);
    if (!berth_json_fields_finish(&inner, &error)) {
        berth_json_fields_fail(fields, "network", error->message);
        g_error_free(error);
    }
}

json_t *
berth_vm_network_to_json(const BerthVmNetwork *self)
{
    json_t *object = json_object();
    json_object_set_new(object, "mode", json_string(modes[self->mode]));
    json_object_set_new(object, "isolate", json_boolean(self->is_isolated));
    if (self->mode == BERTH_NETWORK_BRIDGE) {
        json_object_set_new(object, "bridge", json_string(self->bridge));
        if (self->vlan != 0) {
            json_object_set_new(object, "vlan", json_integer(self->vlan));
        }
    }
    return object;
}

bool
berth_vm_network_equal(const BerthVmNetwork *a, const BerthVmNetwork *b)
{
    return a->mode == b->mode && a->vlan == b->vlan && a->is_isolated == b->is_isolated &&
           strcmp(a->bridge, b->bridge) == 0;
}
