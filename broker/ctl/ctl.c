/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/ctl/ctl.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/ctl/table.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS 200
#define BAR_CHARS 30
/* A list that goes on for longer is a server that runs in circles. */
#define MAX_PAGES 10000

void
berth_ctl_draw_progress(int percent, const char *text)
{
    g_autofree char *clean = g_strdup(text != NULL ? text : "");
    char bar[BAR_CHARS + 1];
    for (int i = 0; i < BAR_CHARS; i++) {
        bar[i] = i * 100 < percent * BAR_CHARS ? '#' : '-';
    }
    bar[BAR_CHARS] = '\0';
    for (char *c = clean; *c != '\0'; c++) {
        *c = g_ascii_iscntrl(*c) ? '?' : *c;
    }
    fprintf(stderr, "\r[%s] %3d %%  %.40s\033[K", bar, percent, clean);
    fflush(stderr);
}

static bool
wait_operation(BerthCtl *ctl, const char *id, json_t **ret_reply, GError **error)
{
    g_autofree char *path = g_strconcat("/v1/operations/", id, NULL);
    const char *state = "running";
    json_auto_t *reply = NULL;
    while (strcmp(state, "running") == 0) {
        g_clear_pointer(&reply, json_decref);
        if (!berth_ctl_client_call(ctl->client, "GET", path, NULL, NULL, &reply, error)) {
            return false;
        }
        state = json_string_value(json_object_get(reply, "state"));
        state = state != NULL ? state : "failed";
        if (ctl->is_terminal) {
            berth_ctl_draw_progress((int)json_integer_value(json_object_get(reply, "progress_pct")),
                                    json_string_value(json_object_get(reply, "detail")));
        }
        if (strcmp(state, "running") == 0) {
            poll(NULL, 0, POLL_MS);
        }
    }
    if (ctl->is_terminal) {
        fputc('\n', stderr);
    }
    if (strcmp(state, "done") != 0) {
        const char *detail = json_string_value(json_object_get(reply, "detail"));
        return berth_set_error(error, BERTH_ERR_INTERNAL, "the operation %s: %s", state,
                               detail != NULL ? detail : "");
    }
    *ret_reply = json_incref(reply);
    return true;
}

static bool
finish_operation(BerthCtl *ctl, json_t **reply, GError **error)
{
    const char *operation = json_string_value(json_object_get(*reply, "operation"));
    json_t *end = NULL;
    if (operation == NULL) {
        return true;
    }
    if (!wait_operation(ctl, operation, &end, error)) {
        return false;
    }
    json_t *result = json_object_get(end, "result");
    json_decref(*reply);
    *reply = json_incref(result != NULL ? result : end);
    json_decref(end);
    return true;
}

bool
berth_ctl_call(BerthCtl *ctl, const char *method, const char *path, const json_t *body,
               const char *if_match, json_t **ret_reply, GError **error)
{
    json_auto_t *reply = NULL;
    if (!berth_ctl_client_call(ctl->client, method, path, body, if_match, &reply, error) ||
        !finish_operation(ctl, &reply, error)) {
        return false;
    }
    *ret_reply = json_incref(reply);
    return true;
}

json_t *
berth_ctl_list(BerthCtl *ctl, const char *path, const char *member, GError **error)
{
    json_auto_t *rows = json_array();
    g_autofree char *page = g_strdup(path);
    for (int i = 0; i < MAX_PAGES; i++) {
        json_auto_t *reply = NULL;
        if (!berth_ctl_call(ctl, "GET", page, NULL, NULL, &reply, error)) {
            return NULL;
        }
        json_array_extend(rows, json_object_get(reply, member));
        const char *next = json_string_value(json_object_get(reply, "next"));
        if (next == NULL) {
            return json_incref(rows);
        }
        g_autofree char *escaped = g_uri_escape_string(next, NULL, false);
        g_free(page);
        page =
            g_strdup_printf("%s%ccursor=%s", path, strchr(path, '?') != NULL ? '&' : '?', escaped);
    }
    berth_set_error(error, BERTH_ERR_PROTOCOL, "the list of %s does not end", member);
    return NULL;
}

/* The row that a user named: by its key, or by its id.  Borrowed from rows; NULL on error. */
static const json_t *
find_row(const BerthCtlKind *kind, const json_t *rows, const char *name, GError **error)
{
    const json_t *found = NULL;
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach (rows, i, row) {
        if (g_strcmp0(json_string_value(json_object_get(row, "id")), name) == 0) {
            return row;
        }
        if (g_strcmp0(json_string_value(json_object_get(row, kind->key)), name) != 0) {
            continue;
        }
        if (found != NULL) {
            berth_set_error(error, BERTH_ERR_INVALID, "several %s are called \"%s\": use the id",
                            kind->name, name);
            return NULL;
        }
        found = row;
    }
    if (found == NULL) {
        berth_set_error(error, BERTH_ERR_NOT_FOUND, "there is no %s \"%s\"", kind->one, name);
    }
    return found;
}

char *
berth_ctl_lookup(BerthCtl *ctl, const BerthCtlKind *kind, const char *name, GError **error)
{
    BerthId id;
    if (berth_id_parse(name, &id) == BERTH_OK) {
        return g_strdup(name);
    }
    json_auto_t *rows = berth_ctl_list(ctl, kind->path, kind->member, error);
    const json_t *row = rows != NULL ? find_row(kind, rows, name, error) : NULL;
    return row != NULL ? g_strdup(json_string_value(json_object_get(row, "id"))) : NULL;
}

static void
print_json(const json_t *json)
{
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_ENCODE_ANY);
    if (text != NULL) {
        puts(text);
        free(text);
    }
}

void
berth_ctl_print(const BerthCtl *ctl, const json_t *reply, const char *list, const char *columns)
{
    const json_t *shown = list != NULL ? json_object_get(reply, list) : reply;
    g_autofree char *text = NULL;
    if (ctl->is_json) {
        if (reply != NULL) {
            print_json(reply);
        }
    } else if (json_is_array(shown)) {
        text = berth_ctl_format_table(shown, columns != NULL ? columns : "id");
    } else if (json_is_object(shown)) {
        text = berth_ctl_format_object(shown);
    } else {
        puts("ok");
    }
    if (text != NULL) {
        fputs(text, stdout);
    }
}

static bool
get_list(BerthCtl *ctl, const BerthCtlCall *call, const BerthCtlKind *kind, GError **error)
{
    g_autofree char *path =
        g_strconcat(kind->path, call->query->len > 0 ? "?" : "", call->query->str, NULL);
    json_t *rows = berth_ctl_list(ctl, path, kind->member, error);
    if (rows == NULL) {
        return false;
    }
    json_auto_t *reply = json_pack("{s:o}", kind->name, rows);
    berth_ctl_print(ctl, reply, kind->name, kind->columns);
    return true;
}

bool
berth_ctl_run_get(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    const BerthCtlKind *kind = berth_ctl_find_kind(call->args[0]);
    json_auto_t *reply = NULL;
    if (call->args[1] == NULL) {
        return get_list(ctl, call, kind, error);
    }
    if (call->query->len > 0) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "say a name or what to list, not both");
    }
    if (kind->has_one) {
        g_autofree char *id = berth_ctl_lookup(ctl, kind, call->args[1], error);
        g_autofree char *path = g_strconcat(kind->path, "/", id, NULL);
        if (id == NULL || !berth_ctl_call(ctl, "GET", path, NULL, NULL, &reply, error)) {
            return false;
        }
        berth_ctl_print(ctl, reply, NULL, NULL);
        return true;
    }
    json_auto_t *rows = berth_ctl_list(ctl, kind->path, kind->member, error);
    const json_t *row = rows != NULL ? find_row(kind, rows, call->args[1], error) : NULL;
    if (row != NULL) {
        berth_ctl_print(ctl, row, NULL, NULL);
    }
    return row != NULL;
}

bool
berth_ctl_run_delete(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    const BerthCtlKind *kind = berth_ctl_find_kind(call->args[0]);
    json_auto_t *reply = NULL;
    if (!kind->is_removable) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "%s cannot be deleted", kind->name);
    }
    g_autofree char *id = berth_ctl_lookup(ctl, kind, call->args[1], error);
    if (id == NULL) {
        return false;
    }
    g_autofree char *path =
        g_strconcat(kind->path, "/", id, call->query->len > 0 ? "?" : "", call->query->str, NULL);
    if (!berth_ctl_client_call(ctl->client, "DELETE", path, NULL, NULL, &reply, error)) {
        return false;
    }
    berth_ctl_print(ctl, reply, NULL, NULL);
    return true;
}
