/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logins and API tokens: what is open in somebody's name, and how it ends.
 *
 * An API token has the rights of its account, but cannot make tokens, change a password or touch a
 * second factor: who finds one cannot dig in.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "base/id.h"
#include "base/secret.h"
#include "broker/auth/token.h"
#include "broker/broker.h"
#include "broker/revoke.h"

#include <string.h>

#define DAY_US (24LL * 3600 * 1000 * 1000)
#define DEFAULT_DAYS 90

int
berth_request_needs_login(BerthTx *tx, BerthRequest *request)
{
    g_autofree char *kind = NULL;
    int error = berth_tx_get_text(tx, &kind, BERTH_SQL_LOGIN_KIND, "s", request->token_hash);
    if (error == BERTH_ERR_NOT_FOUND) {
        return berth_request_explain(request, BERTH_ERR_EXPIRED, "log in again");
    }
    if (error == BERTH_OK && strcmp(kind, "login") != 0) {
        return berth_request_explain(request, BERTH_ERR_FORBIDDEN,
                                     "this needs a login, an API token is not enough");
    }
    return error;
}

static int
reply_logins(BerthTx *tx, BerthRequest *request, const char *account, const char *kind,
             const char *key)
{
    int error = BERTH_OK;
    json_t *rows =
        berth_tx_to_json(tx, &error, BERTH_SQL_LOGIN_LIST, "sssii", account, request->token_hash,
                         kind, request->now_us, request->now_us - BERTH_LIMIT_LOGIN_IDLE_US);
    json_decref(request->reply);
    request->reply = json_pack("{s:o*}", key, rows);
    return error;
}

int
berth_handle_my_logins(BerthTx *tx, BerthRequest *request)
{
    return reply_logins(tx, request, request->account, "", "logins");
}

int
berth_handle_user_logins(BerthTx *tx, BerthRequest *request)
{
    int error = berth_request_find_owner(tx, request, BERTH_SQL_FIND_ACCOUNT, "user");
    return error == BERTH_OK ? reply_logins(tx, request, request->id, "", "logins") : error;
}

int
berth_handle_my_tokens(BerthTx *tx, BerthRequest *request)
{
    return reply_logins(tx, request, request->account, "api", "tokens");
}

static int
end_logins(BerthTx *tx, BerthRequest *request, const char *account, const char *id,
           const char *kind)
{
    BerthCause cause = berth_request_cause(request);
    int n = 0;
    int error = berth_revoke_logins(tx, &cause, account, id, kind, "", &n);
    if (error == BERTH_OK && n == 0 && id[0] != '\0') {
        return berth_request_explain(request, BERTH_ERR_NOT_FOUND, "there is no login \"%s\"", id);
    }
    return error;
}

int
berth_handle_end_my_login(BerthTx *tx, BerthRequest *request)
{
    return end_logins(tx, request, request->account, request->id, "");
}

int
berth_handle_end_my_logins(BerthTx *tx, BerthRequest *request)
{
    return end_logins(tx, request, request->account, "", "login");
}

int
berth_handle_end_my_token(BerthTx *tx, BerthRequest *request)
{
    return end_logins(tx, request, request->account, request->id, "api");
}

int
berth_handle_end_user_login(BerthTx *tx, BerthRequest *request)
{
    return end_logins(tx, request, request->id, request->part, "");
}

int
berth_handle_end_user_logins(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    int error = berth_request_find_owner(tx, request, BERTH_SQL_FIND_ACCOUNT, "user");
    return error == BERTH_OK ? berth_revoke_account(tx, &cause, request->id) : error;
}

int
berth_handle_add_token(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    const char *name = berth_body_text(request->body, "name");
    int64_t days = berth_body_int(request->body, "days", DEFAULT_DAYS);
    int64_t expires_us = request->now_us + days * DAY_US;
    char id[BERTH_ID_HEX_CHARS + 1];
    char token[BERTH_TOKEN_CHARS + 1];
    char hash[BERTH_TOKEN_CHARS + 1];
    int64_t n = 0;
    int error = berth_request_needs_login(tx, request);
    if (error == BERTH_OK) {
        error = berth_tx_get_int(tx, &n, BERTH_SQL_LOGIN_COUNT_API, "s", request->account);
    }
    if (error == BERTH_OK && n >= BERTH_LIMIT_API_TOKENS) {
        return berth_request_explain(request, BERTH_ERR_TOO_LARGE,
                                     "you have %d tokens, and may have no more; remove one first",
                                     (int)n);
    }
    if (error != BERTH_OK) {
        return error;
    }
    berth_id_random_hex(id);
    berth_token_new(token);
    (void)berth_token_hash(token, hash);
    error = berth_tx_run(tx, BERTH_SQL_LOGIN_INSERT, "sssssssii", hash, id, request->account, "api",
                         name, "token", request->source, request->now_us, expires_us);
    if (error == BERTH_OK) {
        json_decref(request->reply);
        request->reply = json_pack("{s:s, s:s, s:s, s:I}", "id", id, "name", name, "token", token,
                                   "expires_us", (json_int_t)expires_us);
        error = berth_audit(tx, &cause, "token.added", id,
                            json_pack("{s:s, s:s, s:I}", "name", name, "user", request->account,
                                      "expires_us", (json_int_t)expires_us));
    }
    berth_wipe(token, sizeof token);
    return error;
}
