/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/host-acts.h"

#include "base/error.h"
#include "broker/steps-private.h"
#include "broker/user-disk.h"

#include <string.h>

typedef struct {
    char *id;
    bool is_kept, is_owned;
} Content;

static void
content_clear(gpointer data)
{
    g_free(((Content *)data)->id);
}

/*
 * Machines of a host.
 *
 * names:  those with data, or all, are added to it
 */
static GArray *
read_contents(BerthTx *tx, const char *host, bool is_all, json_t *names, int *ret_error)
{
    GArray *contents = g_array_new(FALSE, FALSE, sizeof(Content));
    g_array_set_clear_func(contents, content_clear);
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_HOST_CONTENTS, "s", host);
    while (berth_rows_next(&rows)) {
        const char *user = berth_rows_text(&rows, 4);
        Content content = { .id = g_strdup(berth_rows_text(&rows, 0)),
                            .is_kept = berth_rows_int(&rows, 2) != 0,
                            .is_owned = user[0] != '\0' };
        g_array_append_val(contents, content);
        if (is_all || content.is_kept) {
            json_array_append_new(
                names, json_pack("{s:s, s:s}", "machine", berth_rows_text(&rows, 1), "user", user));
        }
    }
    *ret_error = berth_rows_end(&rows);
    return contents;
}

static int
set_flags(BerthTx *tx, const BerthCause *cause, const char *host, int drain, int maintenance)
{
    BerthRows rows;
    bool is_there = false;
    int old_drain = 0;
    int old_maintenance = 0;
    berth_tx_query(tx, &rows, BERTH_SQL_HOST_FLAGS, "s", host);
    if (berth_rows_next(&rows)) {
        is_there = true;
        old_drain = (int)berth_rows_int(&rows, 0);
        old_maintenance = (int)berth_rows_int(&rows, 1);
    }
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK || !is_there) {
        return error != BERTH_OK ? error : BERTH_ERR_NOT_FOUND;
    }
    int new_drain = drain >= 0 ? drain : old_drain;
    int new_maintenance = maintenance >= 0 ? maintenance : old_maintenance;
    if (new_drain == old_drain && new_maintenance == old_maintenance) {
        return BERTH_OK;
    }
    error = berth_tx_run_one(tx, BERTH_SQL_HOST_SET_FLAGS, "sbb", host, new_drain, new_maintenance);
    return error != BERTH_OK ? error
                             : berth_audit(tx, cause, "host.flags", host,
                                           json_pack("{s:b, s:b}", "drain", new_drain,
                                                     "maintenance", new_maintenance));
}

int
berth_host_set_drain(BerthTx *tx, const BerthCause *cause, const char *host, bool is_draining)
{
    return set_flags(tx, cause, host, is_draining ? 1 : 0, -1);
}

/* Who is disconnected does not need the desktop now; data stays where it is. */
static int
log_off_disconnected(BerthTx *tx, const BerthCause *cause, const char *host)
{
    int error = BERTH_OK;
    g_autoptr(GPtrArray) sessions =
        berth_steps_read_ids(tx, BERTH_SQL_HOST_SESSIONS_IDLE, host, &error);
    for (guint i = 0; i < sessions->len && error == BERTH_OK; i++) {
        error = berth_session_logoff(tx, cause, g_ptr_array_index(sessions, i), "maintenance");
    }
    return error;
}

int
berth_host_set_maintenance(BerthTx *tx, const BerthCause *cause, const char *host,
                           bool is_in_maintenance)
{
    int error = set_flags(tx, cause, host, -1, is_in_maintenance ? 1 : 0);
    return error == BERTH_OK && is_in_maintenance ? log_off_disconnected(tx, cause, host) : error;
}

int
berth_host_fence(BerthTx *tx, const BerthCause *cause, const char *host, json_t **ret_kept)
{
    json_auto_t *kept = json_array();
    int error = berth_host_step(tx, cause, host, BERTH_HOST_EVENT_FENCE);
    if (error != BERTH_OK) {
        return error;
    }
    g_autoptr(GArray) contents = read_contents(tx, host, false, kept, &error);
    for (guint i = 0; i < contents->len && error == BERTH_OK; i++) {
        const Content *content = &g_array_index(contents, Content, i);
        if (content->is_owned && !content->is_kept) {
            error = berth_machine_step(tx, cause, content->id, BERTH_MACHINE_EVENT_RECYCLE, NULL,
                                       "host-fenced");
        }
    }
    if (error == BERTH_OK) {
        error = berth_user_disk_fence(tx, cause, host);
    }
    if (error == BERTH_OK) {
        *ret_kept = json_incref(kept);
    }
    return error;
}

static int
forget_contents(BerthTx *tx, const BerthCause *cause, const char *host, const GArray *contents)
{
    int error = BERTH_OK;
    for (guint i = 0; i < contents->len && error == BERTH_OK; i++) {
        const Content *content = &g_array_index(contents, Content, i);
        error = content->is_kept
                    ? berth_machine_discard(tx, cause, content->id, BERTH_MACHINE_EVENT_FORGET,
                                            "host-removed")
                    : berth_machine_step(tx, cause, content->id, BERTH_MACHINE_EVENT_FORGET, NULL,
                                         "host-removed");
    }
    if (error != BERTH_OK) {
        return error;
    }
    g_autoptr(GPtrArray) sessions =
        berth_steps_read_ids(tx, BERTH_SQL_HOST_SESSIONS_OPEN, host, &error);
    for (guint i = 0; i < sessions->len && error == BERTH_OK; i++) {
        const char *session = g_ptr_array_index(sessions, i);
        error = berth_session_step(tx, cause, session, BERTH_SESSION_EVENT_END, "host-removed");
        if (error == BERTH_OK) {
            error = berth_session_step(tx, cause, session, BERTH_SESSION_EVENT_HOST_LOST, "");
        }
    }
    return error;
}

int
berth_host_remove(BerthTx *tx, const BerthCause *cause, const char *host, bool is_forced,
                  json_t **ret_blocking)
{
    g_autofree char *state = NULL;
    json_auto_t *blocking = json_array();
    int error = berth_tx_get_text(tx, &state, BERTH_SQL_HOST_LOCK, "s", host);
    if (error != BERTH_OK) {
        return error;
    }
    bool is_gone = strcmp(state, "lost") == 0 || strcmp(state, "fenced") == 0;
    g_autoptr(GArray) contents = read_contents(tx, host, !is_gone, blocking, &error);
    if (error == BERTH_OK && json_array_size(blocking) > 0 && (!is_gone || !is_forced)) {
        *ret_blocking = json_incref(blocking);
        return BERTH_ERR_BUSY;
    }
    if (error == BERTH_OK) {
        error = forget_contents(tx, cause, host, contents);
    }
    if (error == BERTH_OK) {
        error = berth_host_step(tx, cause, host, BERTH_HOST_EVENT_REMOVE);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_HOST_BREAKERS_DELETE, "s", host);
    }
    return error == BERTH_OK ? berth_tx_run_one(tx, BERTH_SQL_HOST_SET_REMOVED, "s", host) : error;
}
