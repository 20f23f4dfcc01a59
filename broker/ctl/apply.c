/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/ctl/apply-plan.h"
#include "broker/ctl/ctl.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static json_t *
read_site(BerthCtl *ctl, const json_t *file, GError **error)
{
    json_auto_t *site = json_object();
    const char *member = NULL;
    json_t *value = NULL;
    json_object_foreach ((json_t *)file, member, value) {
        g_autofree char *path = g_strconcat("/v1/", member, NULL);
        json_t *rows = berth_ctl_list(ctl, path, member, error);
        if (rows == NULL) {
            return NULL;
        }
        json_object_set_new(site, member, rows);
    }
    return json_incref(site);
}

static GArray *
make_plan(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    json_error_t why;
    json_auto_t *file = json_load_file(call->args[0], JSON_REJECT_DUPLICATES, &why);
    json_auto_t *nothing = json_object();
    if (file == NULL) {
        berth_set_error(error, BERTH_ERR_CONFIG, "cannot read \"%s\": line %d: %s", call->args[0],
                        why.line, why.text);
        return NULL;
    }
    bool is_prune = berth_ctl_call_has(call, "prune");
    /* A file that is none is refused before anybody is asked. */
    g_autoptr(GArray) dry = berth_ctl_plan(file, nothing, is_prune, error);
    if (dry == NULL) {
        return NULL;
    }
    json_auto_t *site = read_site(ctl, file, error);
    return site != NULL ? berth_ctl_plan(file, site, is_prune, error) : NULL;
}

static void
print_plan(const BerthCtl *ctl, const GArray *changes)
{
    static const char *const acts[] = { "create", "update", "delete" };
    json_auto_t *list = json_array();
    for (guint i = 0; i < changes->len; i++) {
        const BerthCtlChange *change = &g_array_index(changes, BerthCtlChange, i);
        if (ctl->is_json) {
            json_array_append_new(list,
                                  json_pack("{s:s, s:s, s:s, s:O?, s:O?}", "act", acts[change->act],
                                            "kind", change->kind, "name", change->label, "before",
                                            change->before, "after", change->after));
        } else {
            g_autofree char *text = berth_ctl_format_change(change);
            fputs(text, stdout);
        }
    }
    if (ctl->is_json) {
        berth_ctl_print(ctl, list, NULL, NULL);
    } else {
        printf("%u change%s\n", changes->len, changes->len == 1 ? "" : "s");
    }
}

bool
berth_ctl_run_diff(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    g_autoptr(GArray) changes = make_plan(ctl, call, error);
    if (changes == NULL) {
        return false;
    }
    print_plan(ctl, changes);
    return true;
}

static char *
policy_path(BerthCtl *ctl, const json_t *after, GError **error)
{
    const char *level = json_string_value(json_object_get(after, "level"));
    if (strcmp(level, "site") == 0) {
        return g_strdup("/v1/policies/site");
    }
    const BerthCtlKind *kind = berth_ctl_find_kind(level);
    g_autofree char *id =
        berth_ctl_lookup(ctl, kind, json_string_value(json_object_get(after, "name")), error);
    return id != NULL ? g_strconcat("/v1/policies/", level, "/", id, NULL) : NULL;
}

/* Policies have no ETag: what is there is read once more. */
static bool
is_policy_as_shown(BerthCtl *ctl, const BerthCtlChange *change, GError **error)
{
    size_t i = 0;
    json_t *row = NULL;
    const json_t *found = NULL;
    json_auto_t *rows = berth_ctl_list(ctl, "/v1/policies", "policies", error);
    if (rows == NULL) {
        return false;
    }
    json_array_foreach (rows, i, row) {
        if (json_equal(json_object_get(row, "level"), json_object_get(change->after, "level")) &&
            json_equal(json_object_get(row, "name"), json_object_get(change->after, "name"))) {
            found = json_object_get(row, "policy");
        }
    }
    const json_t *shown = json_object_get(change->before, "policy");
    bool is_same = found == NULL || shown == NULL ? found == shown : json_equal(found, shown);
    return is_same || berth_set_error(error, BERTH_ERR_PRECONDITION, "%s",
                                      berth_error_sentence(BERTH_ERR_PRECONDITION));
}

static bool
carry_out_policy(BerthCtl *ctl, const BerthCtlChange *change, GError **error)
{
    json_auto_t *reply = NULL;
    g_autofree char *path = policy_path(ctl, change->after, error);
    json_auto_t *body = json_pack("{s:O}", "policy", json_object_get(change->after, "policy"));
    return path != NULL && is_policy_as_shown(ctl, change, error) &&
           berth_ctl_client_call(ctl->client, "PUT", path, body, NULL, &reply, error);
}

/* What was seen when the difference was shown is what must still be there: the ETag says so. */
static bool
carry_out(BerthCtl *ctl, const BerthCtlChange *change, GError **error)
{
    static const char *const methods[] = { "POST", "PATCH", "DELETE" };
    json_auto_t *reply = NULL;
    if (strcmp(change->kind, "policies") == 0) {
        return carry_out_policy(ctl, change, error);
    }
    g_autofree char *path = g_strconcat(berth_ctl_find_kind(change->kind)->path,
                                        change->id != NULL ? "/" : "", change->id, NULL);
    g_autofree char *etag = change->version > 0
                                ? g_strdup_printf("\"%" JSON_INTEGER_FORMAT "\"", change->version)
                                : NULL;
    return berth_ctl_client_call(ctl->client, methods[change->act], path, change->after, etag,
                                 &reply, error);
}

static bool
is_confirmed(const BerthCtlCall *call, GError **error)
{
    char answer[16] = "";
    if (berth_ctl_call_has(call, "yes")) {
        return true;
    }
    if (!isatty(STDIN_FILENO)) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "say --yes, or answer at a terminal");
    }
    fputs("Apply? [y/N] ", stderr);
    if (fgets(answer, sizeof answer, stdin) == NULL || (answer[0] != 'y' && answer[0] != 'Y')) {
        return berth_set_error(error, BERTH_ERR_STATE, "nothing was changed");
    }
    return true;
}

bool
berth_ctl_run_apply(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    g_autoptr(GArray) changes = make_plan(ctl, call, error);
    if (changes == NULL) {
        return false;
    }
    print_plan(ctl, changes);
    if (changes->len == 0) {
        return true;
    }
    if (!is_confirmed(call, error)) {
        return false;
    }
    for (guint i = 0; i < changes->len; i++) {
        const BerthCtlChange *change = &g_array_index(changes, BerthCtlChange, i);
        if (!carry_out(ctl, change, error)) {
            g_prefix_error(error, "%s %s, after %u of %u changes: ", change->kind, change->label, i,
                           changes->len);
            return false;
        }
    }
    return true;
}
