/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The next version of an image: its maintenance desktop, scripts in it, its seal, what changed.
 */
#include "broker/ctl/ctl.h"

#include "base/clock.h"
#include "base/error.h"
#include "broker/ctl/table.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define LOOK_MS 500
#define READY_LIMIT_US (20LL * 60 * G_USEC_PER_SEC)
/* Lines of a list of changes that are shown at most. */
#define SHOWN_MAX 40

static const char *
text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

char *
berth_ctl_find_version(BerthCtl *ctl, const char *image, const char *number, GError **error)
{
    json_auto_t *reply = NULL;
    g_autofree char *id = berth_ctl_lookup(ctl, berth_ctl_find_kind("image"), image, error);
    if (id == NULL) {
        return NULL;
    }
    g_autofree char *escaped = g_uri_escape_string(number, NULL, false);
    g_autofree char *path = g_strconcat("/v1/images/", id, "/versions/", escaped, NULL);
    return berth_ctl_client_call(ctl->client, "GET", path, NULL, NULL, &reply, error)
               ? g_strdup(text_of(reply, "id"))
               : NULL;
}

/* The version of an image that is being edited, for g_free(). */
static char *
find_draft(BerthCtl *ctl, const char *image, GError **error)
{
    size_t i = 0;
    json_t *row = NULL;
    g_autofree char *id = berth_ctl_lookup(ctl, berth_ctl_find_kind("image"), image, error);
    if (id == NULL) {
        return NULL;
    }
    g_autofree char *path = g_strconcat("/v1/images/", id, "/versions", NULL);
    json_auto_t *rows = berth_ctl_list(ctl, path, "versions", error);
    json_array_foreach (rows, i, row) {
        const char *state = text_of(row, "state");
        if (strcmp(state, "draft") == 0 || strcmp(state, "failed") == 0 ||
            strcmp(state, "sealing") == 0) {
            return g_strdup(text_of(row, "id"));
        }
    }
    if (rows != NULL) {
        berth_set_error(error, BERTH_ERR_NOT_FOUND,
                        "image \"%s\" is not being edited: begin with berthctl image edit", image);
    }
    return NULL;
}

/* ---- edit ---- */

/* The maintenance desktop boots; people see how long already. */
static bool
wait_for_desktop(BerthCtl *ctl, const char *version, GError **error)
{
    int64_t since_us = berth_monotonic_us();
    g_autofree char *path = g_strconcat("/v1/image-versions/", version, NULL);
    for (;;) {
        json_auto_t *reply = NULL;
        if (!berth_ctl_client_call(ctl->client, "GET", path, NULL, NULL, &reply, error)) {
            return false;
        }
        int64_t took_us = berth_monotonic_us() - since_us;
        bool is_there = text_of(reply, "machine")[0] != '\0';
        if (ctl->is_terminal) {
            fprintf(stderr, "\r%s %d s%s",
                    is_there ? "the desktop is ready after"
                             : "waiting for the maintenance desktop,",
                    (int)(took_us / G_USEC_PER_SEC), is_there ? "\033[K\n" : "\033[K");
        }
        if (is_there) {
            return true;
        }
        if (took_us > READY_LIMIT_US) {
            return berth_set_error(error, BERTH_ERR_TIMEOUT,
                                   "the maintenance desktop does not come up: see berthctl get "
                                   "machines");
        }
        poll(NULL, 0, LOOK_MS);
    }
}

bool
berth_ctl_run_image_edit(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    json_auto_t *reply = NULL;
    g_autofree char *id = berth_ctl_lookup(ctl, berth_ctl_find_kind("image"), call->args[0], error);
    if (id == NULL) {
        return false;
    }
    g_autofree char *path = g_strconcat("/v1/images/", id, "/edit", NULL);
    json_auto_t *body = call->body != NULL ? json_incref(call->body) : json_object();
    if (!berth_ctl_client_call(ctl->client, "POST", path, body, NULL, &reply, error)) {
        return false;
    }
    if (!berth_ctl_call_has(call, "no-wait") &&
        !wait_for_desktop(ctl, text_of(reply, "id"), error)) {
        return false;
    }
    if (ctl->is_json) {
        berth_ctl_print(ctl, reply, NULL, NULL);
        return true;
    }
    printf(
        "version %d of %s is being made in the desktop \"%s\": open it as any desktop of yours,\n"
        "or use berthctl image run; then berthctl image seal\n",
        (int)json_integer_value(json_object_get(reply, "number")), text_of(reply, "image"),
        text_of(reply, "pool"));
    return true;
}

/* ---- run, discard ---- */

/* A file as an array of its lines; NULL on error. */
static json_t *
read_lines(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) why = NULL;
    gsize len = 0;
    const char *name = strcmp(path, "-") == 0 ? "/dev/stdin" : path;
    if (!g_file_get_contents(name, &text, &len, &why)) {
        berth_set_error(error, BERTH_ERR_IO, "%s", why->message);
        return NULL;
    }
    if (strlen(text) != len || !g_utf8_validate(text, (gssize)len, NULL)) {
        berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" is no text", path);
        return NULL;
    }
    json_t *lines = json_array();
    g_auto(GStrv) parts = g_strsplit(g_strchomp(text), "\n", -1);
    for (int i = 0; parts[i] != NULL; i++) {
        json_array_append_new(lines, json_string(parts[i]));
    }
    return lines;
}

/*
 * Gives the maintenance desktop something to do, and waits for its end; while something else works
 * there (its files are being listed when it is new), its turn is waited for.
 */
static bool
do_in_desktop(BerthCtl *ctl, const char *path, const json_t *body, json_t **ret_reply,
              GError **error)
{
    int64_t since_us = berth_monotonic_us();
    for (;;) {
        g_autoptr(GError) why = NULL;
        if (berth_ctl_call(ctl, "POST", path, body, NULL, ret_reply, &why)) {
            return true;
        }
        bool is_busy = g_error_matches(why, BERTH_ERROR, BERTH_ERR_BUSY);
        if (!is_busy || berth_monotonic_us() - since_us > READY_LIMIT_US) {
            g_propagate_error(error, g_steal_pointer(&why));
            return false;
        }
        poll(NULL, 0, LOOK_MS);
    }
}

bool
berth_ctl_run_image_run(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    json_auto_t *reply = NULL;
    json_auto_t *lines = read_lines(call->args[1], error);
    g_autofree char *version = lines != NULL ? find_draft(ctl, call->args[0], error) : NULL;
    if (version == NULL) {
        return false;
    }
    g_autofree char *path = g_strconcat("/v1/image-versions/", version, "/run", NULL);
    json_auto_t *body = call->body != NULL ? json_deep_copy(call->body) : json_object();
    json_object_set(body, "script", lines);
    if (!do_in_desktop(ctl, path, body, &reply, error)) {
        return false;
    }
    if (ctl->is_json) {
        berth_ctl_print(ctl, reply, NULL, NULL);
    } else {
        fputs(text_of(reply, "output"), stdout);
    }
    return true;
}

bool
berth_ctl_run_image_discard(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    json_auto_t *reply = NULL;
    g_autofree char *version = find_draft(ctl, call->args[0], error);
    if (version == NULL) {
        return false;
    }
    g_autofree char *path = g_strconcat("/v1/image-versions/", version, "/discard", NULL);
    if (!berth_ctl_client_call(ctl->client, "POST", path, NULL, NULL, &reply, error)) {
        return false;
    }
    berth_ctl_print(ctl, reply, NULL, NULL);
    return true;
}

/* ---- what changed ---- */

static void
print_changes(const char *what, const char *sign, const json_t *list)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach ((json_t *)list, i, item) {
        if (i == SHOWN_MAX) {
            printf("  %s ... and %zu more\n", sign, json_array_size(list) - i);
            break;
        }
        printf("  %s %s %s\n", sign, what, json_string_value(item));
    }
}

static void
print_part(const char *name, const char *what, const json_t *part)
{
    if (part == NULL) {
        printf("%s: not known\n", name);
        return;
    }
    const json_t *added = json_object_get(part, "added");
    const json_t *changed = json_object_get(part, "changed");
    const json_t *removed = json_object_get(part, "removed");
    printf("%s: %zu added, %zu changed, %zu removed%s\n", name, json_array_size(added),
           json_array_size(changed), json_array_size(removed),
           json_is_true(json_object_get(part, "is_cut")) ? " (and more: the list was cut)" : "");
    print_changes(what, "+", added);
    print_changes(what, "~", changed);
    print_changes(what, "-", removed);
}

static bool
show_diff(BerthCtl *ctl, const char *version, const char *with, GError **error)
{
    size_t i = 0;
    json_t *check = NULL;
    json_auto_t *reply = NULL;
    g_autofree char *path = g_strconcat("/v1/image-versions/", version, "/diff",
                                        with != NULL ? "?with=" : "", with, NULL);
    if (!berth_ctl_client_call(ctl->client, "GET", path, NULL, NULL, &reply, error)) {
        return false;
    }
    if (ctl->is_json) {
        berth_ctl_print(ctl, reply, NULL, NULL);
        return true;
    }
    printf("version %d against version %d\n", (int)json_integer_value(json_object_get(reply, "to")),
           (int)json_integer_value(json_object_get(reply, "from")));
    json_array_foreach (json_object_get(reply, "checks"), i, check) {
        printf("  ok: %s: %s\n", text_of(check, "name"), text_of(check, "detail"));
    }
    print_part("packages", "", json_object_get(reply, "packages"));
    print_part("files", "", json_object_get(reply, "files"));
    return true;
}

bool
berth_ctl_run_image_seal(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    json_auto_t *reply = NULL;
    g_autofree char *version = find_draft(ctl, call->args[0], error);
    if (version == NULL) {
        return false;
    }
    g_autofree char *path = g_strconcat("/v1/image-versions/", version, "/seal", NULL);
    json_auto_t *body = call->body != NULL ? json_incref(call->body) : json_object();
    return do_in_desktop(ctl, path, body, &reply, error) && show_diff(ctl, version, NULL, error);
}

bool
berth_ctl_run_image_diff(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    const char *other = call->args[2];
    g_autofree char *version = berth_ctl_find_version(ctl, call->args[0], call->args[1], error);
    g_autofree char *with = version != NULL && other != NULL
                                ? berth_ctl_find_version(ctl, call->args[0], other, error)
                                : NULL;
    return version != NULL && (other == NULL || with != NULL) &&
           show_diff(ctl, version, with, error);
}
