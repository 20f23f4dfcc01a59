/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/session-policy.h"

#include "base/error.h"
#include "base/log.h"

#include <string.h>

static int
level_of(const char *name)
{
    for (int level = 0; level < BERTH_N_POLICY_LEVELS; level++) {
        if (strcmp(berth_policy_level_name((BerthPolicyLevel)level), name) == 0) {
            return level;
        }
    }
    return -1;
}

static int
add_source(BerthPolicySources *sources, const BerthRows *rows)
{
    g_autoptr(GError) error = NULL;
    int level = level_of(berth_rows_text(rows, 0));
    BerthPolicySource source = {
        .level = (BerthPolicyLevel)level,
        .name = g_string_chunk_insert(sources->names, berth_rows_text(rows, 1)),
    };
    if (level < 0 || !berth_policy_rule_from_text(berth_rows_text(rows, 2), &source.rule, &error)) {
        berth_log_error("policy", "the rule of %s \"%s\" cannot be read: %s",
                        berth_rows_text(rows, 0), source.name,
                        error != NULL ? error->message : "its level is not known");
        return BERTH_ERR_CORRUPT;
    }
    g_array_append_val(sources->sources, source);
    return BERTH_OK;
}

int
berth_session_policy_sources(BerthTx *tx, const char *account, const char *pool, const char *device,
                             BerthPolicySources *ret_sources)
{
    g_auto(BerthPolicySources) sources = {
        .sources = g_array_new(FALSE, FALSE, sizeof(BerthPolicySource)),
        .names = g_string_chunk_new(512),
    };
    BerthRows rows;
    int error = BERTH_OK;
    berth_tx_query(tx, &rows, BERTH_SQL_POLICY_SOURCES, "sss", account, pool, device);
    while (error == BERTH_OK && berth_rows_next(&rows)) {
        error = add_source(&sources, &rows);
    }
    int end = berth_rows_end(&rows);
    error = error != BERTH_OK ? error : end;
    if (error == BERTH_OK) {
        *ret_sources = sources;
        sources = (BerthPolicySources){ 0 };
    }
    return error;
}

void
berth_policy_sources_clear(BerthPolicySources *sources)
{
    g_clear_pointer(&sources->sources, g_array_unref);
    g_clear_pointer(&sources->names, g_string_chunk_free);
}

int
berth_session_policy(BerthTx *tx, const char *account, const char *pool, const char *device,
                     char **ret_json)
{
    g_auto(BerthPolicySources) sources = { 0 };
    BerthPolicyDecision decision;
    int error = berth_session_policy_sources(tx, account, pool, device, &sources);
    if (error != BERTH_OK) {
        return error;
    }
    berth_policy_decide((const BerthPolicySource *)(void *)sources.sources->data,
                        sources.sources->len, &decision);
    json_auto_t *json = berth_policy_to_json(&decision.policy);
    *ret_json = json_dumps(json, JSON_COMPACT);
    return *ret_json != NULL ? BERTH_OK : BERTH_ERR_NO_MEMORY;
}

typedef struct {
    char *id, *account, *pool, *device, *policy;
} LiveSession;

static void
live_session_clear(gpointer data)
{
    LiveSession *session = data;
    g_free(session->id);
    g_free(session->account);
    g_free(session->pool);
    g_free(session->device);
    g_free(session->policy);
}

static GArray *
read_live_sessions(BerthTx *tx, const char *pool, const char *account, int *ret_error)
{
    GArray *sessions = g_array_new(FALSE, FALSE, sizeof(LiveSession));
    BerthRows rows;
    g_array_set_clear_func(sessions, live_session_clear);
    berth_tx_query(tx, &rows, BERTH_SQL_POLICY_SESSIONS, "ss", pool, account);
    while (berth_rows_next(&rows)) {
        LiveSession session = { .id = g_strdup(berth_rows_text(&rows, 0)),
                                .account = g_strdup(berth_rows_text(&rows, 1)),
                                .pool = g_strdup(berth_rows_text(&rows, 2)),
                                .device = g_strdup(berth_rows_text(&rows, 3)),
                                .policy = g_strdup(berth_rows_text(&rows, 4)) };
        g_array_append_val(sessions, session);
    }
    *ret_error = berth_rows_end(&rows);
    return sessions;
}

static int
refresh_session(BerthTx *tx, const BerthCause *cause, const LiveSession *session)
{
    char *policy = NULL;
    int error = berth_session_policy(tx, session->account, session->pool, session->device, &policy);
    if (error == BERTH_OK && strcmp(policy, session->policy) != 0) {
        error = berth_tx_run(tx, BERTH_SQL_SESSION_SET_POLICY, "ss", session->id, policy);
        if (error == BERTH_OK) {
            error = berth_audit(tx, cause, "session.policy", session->id, NULL);
        }
    }
    free(policy);
    return error;
}

int
berth_session_policies_refresh(BerthTx *tx, const BerthCause *cause, const char *pool,
                               const char *account)
{
    int error = BERTH_OK;
    g_autoptr(GArray) sessions = read_live_sessions(tx, pool, account, &error);
    for (guint i = 0; i < sessions->len && error == BERTH_OK; i++) {
        error = refresh_session(tx, cause, &g_array_index(sessions, LiveSession, i));
    }
    return error;
}
