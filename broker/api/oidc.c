/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logging in at a provider: start gives the address for the browser; finish takes what came back.
 *
 * "state" goes by the browser and comes back with the code; "flow" stays with whoever started, so
 * that nobody finishes another one's login or makes another finish his own.  Both are random, kept
 * as hashes, and good once, for five minutes, at any broker of the site.
 */
#include "broker/api/login.h"

#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/secret.h"
#include "broker/api/handlers.h"
#include "broker/auth/provider.h"

#include <string.h>

#define SECOND_US (1000LL * 1000)

typedef struct {
    BerthRequest *request;
    BerthLogin *login; /* of finish; NULL for start */
    char state[BERTH_TOKEN_CHARS + 1];
    char flow[BERTH_TOKEN_CHARS + 1];
    char nonce[BERTH_TOKEN_CHARS + 1];
    char verifier[BERTH_TOKEN_CHARS + 1];
    char source[BERTH_ID_HEX_CHARS + 1];
    char *source_name;
    char *redirect_uri;
    char *settings;
    char *url;
    int error;
    char *why;
} Flow;

static void
flow_free(Flow *flow)
{
    berth_wipe(flow->flow, sizeof flow->flow);
    berth_wipe(flow->verifier, sizeof flow->verifier);
    berth_login_free(flow->login);
    g_free(flow->source_name);
    g_free(flow->redirect_uri);
    g_free(flow->settings);
    g_free(flow->url);
    g_free(flow->why);
    g_free(flow);
}

static BerthProvider *
open_provider(const Flow *flow, GError **error)
{
    json_auto_t *settings = json_loads(flow->settings, JSON_REJECT_DUPLICATES, NULL);
    return berth_provider_new(settings, error);
}

static void
fail_flow(Flow *flow, int error, const char *detail)
{
    BerthRequest *request = flow->request;
    if (flow->why != NULL) {
        berth_log_warning("auth", "a login by a provider from %s failed: %s", request->source,
                          flow->why);
    }
    request->retry_after_s = error == BERTH_ERR_SOURCE_DOWN || error == BERTH_ERR_BUSY ? 2 : 0;
    berth_request_fail(request, error, "%s", detail);
    flow_free(flow);
}

static int
read_source(BerthTx *tx, void *data)
{
    Flow *flow = data;
    g_clear_pointer(&flow->settings, g_free);
    return berth_tx_get_text(tx, &flow->settings, BERTH_SQL_SOURCE_READ, "s", flow->request->id);
}

static int
run_insert_flow(BerthTx *tx, void *data)
{
    const Flow *flow = data;
    char state_hash[BERTH_TOKEN_CHARS + 1];
    char flow_hash[BERTH_TOKEN_CHARS + 1];
    int64_t now_us = flow->request->now_us;
    int64_t n = 0;
    (void)berth_token_hash(flow->state, state_hash);
    (void)berth_token_hash(flow->flow, flow_hash);
    int error = berth_tx_run(tx, BERTH_SQL_OIDC_FLOW_PURGE, "i", now_us);
    if (error == BERTH_OK) {
        error = berth_tx_get_int(tx, &n, BERTH_SQL_OIDC_FLOW_COUNT, "");
    }
    if (error == BERTH_OK && n >= BERTH_LIMIT_OIDC_FLOWS) {
        return BERTH_ERR_BUSY;
    }
    return error == BERTH_OK
               ? berth_tx_run(tx, BERTH_SQL_OIDC_FLOW_INSERT, "ssssssi", state_hash, flow_hash,
                              flow->source, flow->nonce, flow->verifier, flow->redirect_uri,
                              now_us + BERTH_LIMIT_PENDING_LOGIN_US)
               : error;
}

static void
insert_done(int error, void *data)
{
    Flow *flow = data;
    if (error != BERTH_OK) {
        fail_flow(flow, error, "the login cannot begin now; try again");
        return;
    }
    berth_request_reply(flow->request, 200,
                        json_pack("{s:s, s:s, s:s, s:I}", "url", flow->url, "state", flow->state,
                                  "flow", flow->flow, "expires_in_s",
                                  (json_int_t)(BERTH_LIMIT_PENDING_LOGIN_US / SECOND_US)));
    flow_free(flow);
}

/* Thread: source worker. */
static void
run_start(void *data)
{
    Flow *flow = data;
    flow->error = berth_store_read(flow->request->broker->store, read_source, flow);
    if (flow->error != BERTH_OK) {
        return;
    }
    g_autoptr(GError) why = NULL;
    g_autoptr(BerthProvider) provider = open_provider(flow, &why);
    const BerthProviderFlow parts = { .redirect_uri = flow->redirect_uri,
                                      .state = flow->state,
                                      .nonce = flow->nonce,
                                      .verifier = flow->verifier };
    if (provider != NULL && !berth_provider_allows_redirect(provider, flow->redirect_uri)) {
        flow->error = BERTH_ERR_INVALID;
        return;
    }
    if (provider != NULL) {
        flow->url = berth_provider_dup_start_url(provider, flow->request->broker->people->providers,
                                                 &parts, &why);
    }
    if (flow->url == NULL) {
        flow->error = BERTH_ERR_SOURCE_DOWN;
        flow->why = g_strdup(why->message);
    }
}

static const char *
explain_start(int error)
{
    switch (error) {
    case BERTH_ERR_NOT_FOUND:
        return "there is no such provider";
    case BERTH_ERR_INVALID:
        return "\"redirect_uri\" is neither a loopback address with a port nor one that the source "
               "allows";
    case BERTH_ERR_SOURCE_DOWN:
        return "the provider does not answer; try again";
    default:
        return "the login cannot begin now; try again";
    }
}

static void
start_done(void *data)
{
    Flow *flow = data;
    if (flow->error != BERTH_OK) {
        fail_flow(flow, flow->error, explain_start(flow->error));
        return;
    }
    int error =
        berth_store_submit(flow->request->broker->store, run_insert_flow, insert_done, flow);
    if (error != BERTH_OK) {
        insert_done(error, flow);
    }
}

void
berth_handle_oidc_start(BerthRequest *request)
{
    Flow *flow = g_new0(Flow, 1);
    flow->request = request;
    flow->redirect_uri = g_strdup(berth_body_text(request->body, "redirect_uri"));
    g_strlcpy(flow->source, request->id, sizeof flow->source);
    berth_token_new(flow->state);
    berth_token_new(flow->flow);
    berth_token_new(flow->nonce);
    berth_token_new(flow->verifier);
    int error = berth_worker_pool_submit(request->broker->people->source_workers, run_start,
                                         start_done, flow);
    if (error != BERTH_OK) {
        fail_flow(flow, error, explain_start(error));
    }
}

/* Thread: source worker. */
static void
run_finish(void *data)
{
    Flow *flow = data;
    BerthLogin *login = flow->login;
    g_autoptr(GError) why = NULL;
    g_autoptr(BerthProvider) provider = open_provider(flow, &why);
    const BerthProviderFlow parts = { .redirect_uri = flow->redirect_uri,
                                      .state = flow->state,
                                      .nonce = flow->nonce,
                                      .verifier = flow->verifier };
    if (provider != NULL) {
        login->is_whole = !berth_provider_wants_second_factor(provider);
        login->identity = berth_provider_finish(
            provider, flow->request->broker->people->providers, &parts,
            berth_body_text(flow->request->body, "code"), flow->request->now_us, &why);
    }
    if (login->identity == NULL) {
        login->error =
            why->code == BERTH_ERR_SOURCE_DOWN ? BERTH_ERR_SOURCE_DOWN : BERTH_ERR_BAD_CREDENTIALS;
        login->why = g_strdup_printf("%s: %s", flow->source_name, why->message);
    } else {
        g_snprintf(login->actor, sizeof login->actor, "user:%s", login->identity->name);
        g_strlcpy(login->source, flow->source, sizeof login->source);
        login->source_name = g_strdup(flow->source_name);
    }
}

static void
finish_done(void *data)
{
    Flow *flow = data;
    BerthLogin *login = g_steal_pointer(&flow->login);
    flow_free(flow);
    if (login->identity != NULL) {
        berth_login_accept(login);
    } else {
        berth_login_refuse(login);
    }
}

/* Takes the flow out of the store: what comes a second time finds nothing. */
static int
run_take_flow(BerthTx *tx, void *data)
{
    Flow *flow = data;
    BerthRows rows;
    char state_hash[BERTH_TOKEN_CHARS + 1] = "";
    char flow_hash[BERTH_TOKEN_CHARS + 1] = "";
    bool is_mine = false;
    (void)berth_token_hash(berth_body_text(flow->request->body, "state"), state_hash);
    (void)berth_token_hash(berth_body_text(flow->request->body, "flow"), flow_hash);
    berth_tx_query(tx, &rows, BERTH_SQL_OIDC_FLOW_GET, "si", state_hash, flow->request->now_us);
    if (berth_rows_next(&rows)) {
        is_mine = berth_equal_secret(berth_rows_text(&rows, 0), flow_hash, BERTH_TOKEN_CHARS);
        g_strlcpy(flow->source, berth_rows_text(&rows, 1), sizeof flow->source);
        g_strlcpy(flow->nonce, berth_rows_text(&rows, 2), sizeof flow->nonce);
        g_strlcpy(flow->verifier, berth_rows_text(&rows, 3), sizeof flow->verifier);
        g_free(flow->redirect_uri);
        flow->redirect_uri = g_strdup(berth_rows_text(&rows, 4));
        g_free(flow->source_name);
        flow->source_name = g_strdup(berth_rows_text(&rows, 5));
        g_free(flow->settings);
        flow->settings = g_strdup(berth_rows_text(&rows, 6));
    }
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK || !is_mine) {
        return error != BERTH_OK ? error : BERTH_ERR_EXPIRED;
    }
    return berth_tx_run_one(tx, BERTH_SQL_OIDC_FLOW_DELETE, "s", state_hash);
}

static void
take_done(int error, void *data)
{
    Flow *flow = data;
    if (error == BERTH_OK) {
        error = berth_worker_pool_submit(flow->request->broker->people->source_workers, run_finish,
                                         finish_done, flow);
    }
    if (error != BERTH_OK) {
        fail_flow(flow, error == BERTH_ERR_NOT_FOUND ? BERTH_ERR_EXPIRED : error,
                  "this login was finished, took too long or was begun by another; begin again");
    }
}

void
berth_handle_oidc_finish(BerthRequest *request)
{
    Flow *flow = g_new0(Flow, 1);
    flow->request = request;
    flow->login = berth_login_new(request, "", "oidc");
    int error = berth_store_submit(request->broker->store, run_take_flow, take_done, flow);
    if (error != BERTH_OK) {
        take_done(error, flow);
    }
}
