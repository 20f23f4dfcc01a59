/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/broker-json.h"

#include "client/core/json-fields.h"

#include "base/error.h"
#include "base/id.h"
#include "base/secret.h"
#include "berth/protocol.h"

#include <glib/gi18n.h>
#include <jansson.h>
#include <string.h>

void
berth_desktop_free(BerthDesktop *desktop)
{
    g_free(desktop->name);
    g_free(desktop);
}

void
berth_connect_answer_clear(BerthConnectAnswer *answer)
{
    berth_wipe(answer->launch.ticket, sizeof answer->launch.ticket);
}

void
berth_problem_clear(BerthProblem *problem)
{
    g_clear_pointer(&problem->title, g_free);
    g_clear_pointer(&problem->detail, g_free);
}

static bool
parse_desktop_state(const char *text, BerthDesktopState *ret_state)
{
    static const struct {
        const char *name;
        BerthDesktopState state;
    } names[] = {
        { "available", BERTH_DESKTOP_AVAILABLE },
        { "in-use", BERTH_DESKTOP_IN_USE },
        { "busy", BERTH_DESKTOP_BUSY },
        { "disabled", BERTH_DESKTOP_DISABLED },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_strcmp0(text, names[i].name) == 0) {
            *ret_state = names[i].state;
            return true;
        }
    }
    return false;
}

/* A name that cannot be one of an icon counts as none: it is no reason to have no desktop. */
static void
take_icon(const char *icon, BerthDesktop *desktop)
{
    if (icon != NULL && strlen(icon) < sizeof desktop->icon &&
        strspn(icon, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(icon)) {
        g_strlcpy(desktop->icon, icon, sizeof desktop->icon);
    }
}

static bool
parse_desktop(json_t *object, BerthDesktop *desktop, GError **error)
{
    json_t *session = json_object_get(object, "session");

    if (!berth_json_id(object, "pool", &desktop->pool)) {
        return berth_json_wrong_key("pool", error);
    }
    desktop->name = berth_json_dup_name(object, "name");
    if (desktop->name == NULL) {
        return berth_json_wrong_key("name", error);
    }
    if (!parse_desktop_state(json_string_value(json_object_get(object, "state")),
                             &desktop->state)) {
        return berth_json_wrong_key("state", error);
    }
    if (session != NULL && !json_is_null(session) &&
        !berth_json_id(object, "session", &desktop->session)) {
        return berth_json_wrong_key("session", error);
    }
    take_icon(json_string_value(json_object_get(object, "icon")), desktop);
    desktop->may_restart = berth_json_flag(object, "may_restart", false);
    desktop->may_report = berth_json_flag(object, "may_report", false);
    desktop->last_used_us = berth_json_number(object, "last_used_us", INT64_MAX);
    return true;
}

GPtrArray *
berth_broker_json_desktops(const char *text, size_t len, GError **error)
{
    g_autoptr(BerthJson) root = berth_json_parse(text, len, error);
    g_autoptr(GPtrArray) desktops = NULL;
    json_t *list;

    if (root == NULL) {
        return NULL;
    }
    list = json_object_get(root, "desktops");
    if (!json_is_array(list) || json_array_size(list) > BERTH_LIMIT_CLIENT_DESKTOPS) {
        berth_json_wrong_key("desktops", error);
        return NULL;
    }
    desktops = g_ptr_array_new_with_free_func((GDestroyNotify)berth_desktop_free);
    for (size_t i = 0; i < json_array_size(list); i++) {
        BerthDesktop *desktop = g_new0(BerthDesktop, 1);

        g_ptr_array_add(desktops, desktop);
        if (!parse_desktop(json_array_get(list, i), desktop, error)) {
            return NULL;
        }
    }
    return g_steal_pointer(&desktops);
}

/* Exactly "<32 digits>.<32 digits>.session.berth", beginning with the id of the session. */
static bool
is_session_sni(const char *sni, const BerthId *session)
{
    char hex[BERTH_ID_HEX_CHARS + 1];
    BerthId host;

    if (sni == NULL || strlen(sni) != BERTH_SESSION_SNI_CHARS || sni[BERTH_ID_HEX_CHARS] != '.' ||
        !g_str_has_suffix(sni, BERTH_PROTOCOL_SNI_SUFFIX)) {
        return false;
    }
    berth_id_format(session, hex);
    if (strncmp(sni, hex, BERTH_ID_HEX_CHARS) != 0) {
        return false;
    }
    g_strlcpy(hex, sni + BERTH_ID_HEX_CHARS + 1, sizeof hex);
    return berth_id_parse(hex, &host) == BERTH_OK;
}

static bool
get_ticket(json_t *root, uint8_t *ret_ticket)
{
    const char *text = json_string_value(json_object_get(root, "ticket"));
    g_autofree guchar *bytes = NULL;
    gsize len = 0;

    if (text == NULL || strlen(text) > 2 * BERTH_TICKET_BYTES) {
        return false;
    }
    bytes = g_base64_decode(text, &len);
    if (bytes == NULL || len != BERTH_TICKET_BYTES) {
        return false;
    }
    memcpy(ret_ticket, bytes, BERTH_TICKET_BYTES);
    berth_wipe(bytes, len);
    return true;
}

static bool
parse_launch(json_t *root, BerthLaunch *launch, GError **error)
{
    const char *sni = json_string_value(json_object_get(root, "sni"));
    json_t *policy = json_object_get(root, "policy");

    if (!berth_json_id(root, "session", &launch->session)) {
        return berth_json_wrong_key("session", error);
    }
    if (!is_session_sni(sni, &launch->session)) {
        return berth_json_wrong_key("sni", error);
    }
    g_strlcpy(launch->sni, sni, sizeof launch->sni);
    if (berth_hex_parse(json_string_value(json_object_get(root, "session_key")),
                        launch->session_key_hash, BERTH_KEY_HASH_BYTES) != BERTH_OK) {
        return berth_json_wrong_key("session_key", error);
    }
    if (!get_ticket(root, launch->ticket)) {
        return berth_json_wrong_key("ticket", error);
    }
    launch->resume_window_us = 1000000 * berth_json_number(policy, "resume_window_s",
                                                           BERTH_LIMIT_CLIENT_RESUME_US / 1000000);
    launch->may_input = berth_json_flag(policy, "input", true);
    launch->may_resize = berth_json_flag(policy, "resize", true);
    return true;
}

bool
berth_broker_json_connect(const char *text, size_t len, BerthConnectAnswer *ret_answer,
                          GError **error)
{
    g_autoptr(BerthJson) root = berth_json_parse(text, len, error);
    BerthConnectAnswer answer = { 0 };
    const char *state;
    json_int_t retry_ms;

    if (root == NULL) {
        return false;
    }
    state = json_string_value(json_object_get(root, "state"));
    answer.is_ready = g_strcmp0(state, "ready") == 0;
    answer.is_queued = g_strcmp0(state, "queued") == 0;
    if (answer.is_ready) {
        if (!parse_launch(root, &answer.launch, error)) {
            return false;
        }
    } else if (!answer.is_queued && g_strcmp0(state, "starting") != 0) {
        return berth_json_wrong_key("state", error);
    }
    retry_ms = json_integer_value(json_object_get(root, "retry_ms"));
    answer.retry_ms =
        CLAMP(retry_ms, BERTH_LIMIT_CLIENT_RETRY_MIN_MS, BERTH_LIMIT_CLIENT_RETRY_MAX_MS);
    answer.position = berth_json_number(root, "position", 1000000);
    answer.estimate_s = berth_json_number(root, "estimate_s", 86400);
    *ret_answer = answer;
    return true;
}

/* The code for an answer that tells none. */
static int
code_of_status(int status)
{
    switch (status) {
    case 401:
        return BERTH_ERR_EXPIRED;
    case 403:
        return BERTH_ERR_FORBIDDEN;
    case 404:
        return BERTH_ERR_NOT_FOUND;
    case 409:
        return BERTH_ERR_NO_DESKTOP;
    case 429:
        return BERTH_ERR_THROTTLED;
    case 502:
    case 503:
        return BERTH_ERR_HOST_DOWN;
    case 504:
        return BERTH_ERR_TIMEOUT;
    default:
        return BERTH_ERR_PROTOCOL;
    }
}

void
berth_broker_json_problem(int status, const char *text, size_t len, BerthProblem *ret_problem)
{
    g_autoptr(BerthJson) root = berth_json_parse(text, len, NULL);
    const char *name = json_string_value(json_object_get(root, "code"));
    const char *title = json_string_value(json_object_get(root, "title"));
    const char *detail = json_string_value(json_object_get(root, "detail"));
    int code = name != NULL ? berth_error_from_name(name) : code_of_status(status);

    /* A refusal must never count as success. */
    ret_problem->code = code == BERTH_OK ? BERTH_ERR_PROTOCOL : code;
    ret_problem->title =
        title != NULL && title[0] != '\0'
            ? berth_json_clean_text(title, BERTH_LIMIT_REASON_BYTES)
            : g_strdup_printf(_("the broker answered with HTTP status %d"), status);
    ret_problem->detail =
        berth_json_clean_text(detail != NULL ? detail : "", BERTH_LIMIT_REASON_BYTES);
    ret_problem->retry_after_s = berth_json_number(root, "retry_after_s", 3600);
}
