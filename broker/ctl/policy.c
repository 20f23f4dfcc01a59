/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Policies, and why something is as it is.
 */
#include "broker/ctl/ctl.h"

#include "base/error.h"
#include "broker/ctl/table.h"

#include <stdio.h>
#include <string.h>

/* "/v1/policies/site", or of a group, user or device; NULL on error. */
static char *
policy_path(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    const char *level = call->args[0];
    if (strcmp(level, "site") == 0) {
        return g_strdup("/v1/policies/site");
    }
    const BerthCtlKind *kind = berth_ctl_find_kind(level);
    bool is_level =
        kind != NULL && (strcmp(kind->one, "group") == 0 || strcmp(kind->one, "user") == 0 ||
                         strcmp(kind->one, "device") == 0);
    if (!is_level || call->args[1] == NULL) {
        berth_set_error(
            error, BERTH_ERR_CONFIG,
            "say site, or group, user or device and its name; a pool's policy is set by "
            "set pool --policy");
        return NULL;
    }
    g_autofree char *id = berth_ctl_lookup(ctl, kind, call->args[1], error);
    return id != NULL ? g_strconcat("/v1/policies/", kind->one, "/", id, NULL) : NULL;
}

static json_t *
make_policy(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    json_t *policy = json_object_get(call->body, "policy");
    const char *preset = json_string_value(json_object_get(call->body, "preset"));
    json_t *reply = NULL;
    if ((policy != NULL) == (preset != NULL)) {
        berth_set_error(error, BERTH_ERR_CONFIG, "say --file or --preset");
        return NULL;
    }
    if (policy != NULL) {
        return json_incref(policy);
    }
    g_autofree char *escaped = g_uri_escape_string(preset, NULL, false);
    g_autofree char *path = g_strconcat("/v1/policies/presets/", escaped, NULL);
    return berth_ctl_call(ctl, "GET", path, NULL, NULL, &reply, error) ? reply : NULL;
}

bool
berth_ctl_run_set_policy(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    json_auto_t *reply = NULL;
    g_autofree char *path = policy_path(ctl, call, error);
    json_auto_t *policy = path != NULL ? make_policy(ctl, call, error) : NULL;
    if (policy == NULL) {
        return false;
    }
    json_auto_t *body = json_pack("{s:O}", "policy", policy);
    if (!berth_ctl_client_call(ctl->client, "PUT", path, body, NULL, &reply, error)) {
        return false;
    }
    berth_ctl_print(ctl, reply, NULL, NULL);
    return true;
}

bool
berth_ctl_run_remove_policy(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    json_auto_t *reply = NULL;
    g_autofree char *path = policy_path(ctl, call, error);
    if (path == NULL ||
        !berth_ctl_client_call(ctl->client, "DELETE", path, NULL, NULL, &reply, error)) {
        return false;
    }
    berth_ctl_print(ctl, reply, NULL, NULL);
    return true;
}

bool
berth_ctl_run_explain_user(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    json_auto_t *reply = NULL;
    g_autofree char *id = berth_ctl_lookup(ctl, berth_ctl_find_kind("user"), call->args[0], error);
    if (id == NULL) {
        return false;
    }
    g_autofree char *path = g_strconcat("/v1/users/", id, "/explain", NULL);
    if (!berth_ctl_client_call(ctl->client, "GET", path, NULL, NULL, &reply, error)) {
        return false;
    }
    if (ctl->is_json) {
        berth_ctl_print(ctl, reply, NULL, NULL);
    } else {
        g_autofree char *text = berth_ctl_format_tree(reply);
        fputs(text, stdout);
    }
    return true;
}
