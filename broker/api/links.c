/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One-time codes for links to a desktop: whoever is logged in makes one, and a client that opens
 * the link is logged in by it as the same user, once, within two minutes.
 *
 * A code is a row of the logins that logs nobody in by itself, so it dies with its user and is
 * purged like the others; its name is the pool it was made for, and so is that of the login that
 * comes by it.  Such a login opens that desktop and nothing else (authorise.c), and an API token
 * makes no codes: who finds one cannot go on for ever.
 */
#include "broker/api/login.h"

#include "base/error.h"
#include "base/id.h"
#include "base/secret.h"
#include "broker/api/handlers.h"

#include <string.h>

#define SECOND_US (1000LL * 1000)

/* The pool that the body names, if the user may have a desktop of it. */
static int
find_desktop(BerthTx *tx, BerthRequest *request, char ret_pool[BERTH_ID_HEX_CHARS + 1])
{
    int64_t n = 0;
    int error = berth_request_find(tx, request, BERTH_SQL_FIND_POOL, "desktop", ret_pool);
    if (error == BERTH_OK) {
        error = berth_tx_get_int(tx, &n, BERTH_SQL_LINK_ENTITLED, "ss", request->account, ret_pool);
    }
    if (error == BERTH_ERR_NOT_FOUND || (error == BERTH_OK && n == 0)) {
        return berth_request_explain(request, BERTH_ERR_NOT_FOUND,
                                     "you have no desktop \"%s\"; GET /v1/me/desktops lists them",
                                     berth_body_text(request->body, "desktop"));
    }
    return error;
}

int
berth_handle_add_link(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    char id[BERTH_ID_HEX_CHARS + 1];
    char pool[BERTH_ID_HEX_CHARS + 1];
    char code[BERTH_TOKEN_CHARS + 1];
    char hash[BERTH_TOKEN_CHARS + 1];
    int64_t n = 0;
    int error = berth_request_needs_login(tx, request);
    if (error == BERTH_OK) {
        error = find_desktop(tx, request, pool);
    }
    if (error == BERTH_OK) {
        error =
            berth_tx_get_int(tx, &n, BERTH_SQL_LINK_COUNT, "si", request->account, request->now_us);
    }
    if (error == BERTH_OK && n >= BERTH_LIMIT_LINKS) {
        return berth_request_explain(request, BERTH_ERR_THROTTLED,
                                     "you have %d links that nobody opened yet; open one of them",
                                     (int)n);
    }
    if (error != BERTH_OK) {
        return error;
    }
    berth_id_random_hex(id);
    berth_token_new(code);
    (void)berth_token_hash(code, hash);
    error = berth_tx_run(tx, BERTH_SQL_LOGIN_INSERT, "sssssssii", hash, id, request->account,
                         BERTH_LOGIN_METHOD_LINK, pool, BERTH_LOGIN_METHOD_LINK, request->source,
                         request->now_us, request->now_us + BERTH_LIMIT_LINK_US);
    if (error == BERTH_OK) {
        json_decref(request->reply);
        request->reply = json_pack("{s:s, s:s, s:I}", "code", code, "desktop", pool, "expires_in_s",
                                   (json_int_t)(BERTH_LIMIT_LINK_US / SECOND_US));
        error = berth_audit(tx, &cause, "link.made", id,
                            json_pack("{s:s, s:s}", "pool", pool, "user", request->account));
    }
    berth_wipe(code, sizeof code);
    return error;
}

/* A code on its way to a login. */
typedef struct {
    BerthLogin *login;
    char hash[BERTH_TOKEN_CHARS + 1];
} Opening;

/* Takes the code out of the store: what comes a second time finds nothing. */
static int
run_open(BerthTx *tx, void *data)
{
    Opening *opening = data;
    BerthLogin *login = opening->login;
    BerthRows rows;
    login->account[0] = '\0';
    berth_tx_query(tx, &rows, BERTH_SQL_LINK_GET, "si", opening->hash, login->cause.now_us);
    if (berth_rows_next(&rows)) {
        g_strlcpy(login->account, berth_rows_text(&rows, 0), sizeof login->account);
        g_snprintf(login->actor, sizeof login->actor, "user:%s", berth_rows_text(&rows, 1));
        g_strlcpy(login->link_pool, berth_rows_text(&rows, 2), sizeof login->link_pool);
    }
    int error = berth_rows_end(&rows);
    if (error == BERTH_OK && login->account[0] == '\0') {
        return BERTH_ERR_EXPIRED;
    }
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_TOKEN_DELETE, "s", opening->hash);
    }
    return error == BERTH_OK ? berth_login_write(tx, login) : error;
}

static void
open_done(int error, void *data)
{
    Opening *opening = data;
    BerthLogin *login = opening->login;
    if (error == BERTH_OK) {
        json_t *answer = berth_login_answer(login);
        json_object_set_new(answer, "desktop", json_string(login->link_pool));
        berth_request_reply(login->request, 200, answer);
        berth_login_free(login);
    } else if (error == BERTH_ERR_EXPIRED || error == BERTH_ERR_FORBIDDEN) {
        berth_login_drop(login, BERTH_ERR_EXPIRED,
                         "this link was opened before or is too old; get a new one");
    } else {
        berth_login_drop(login, error, "the login was not written");
    }
    berth_wipe(opening, sizeof *opening);
    g_free(opening);
}

/* The proof is the code; a second factor was shown by the login that made it. */
void
berth_handle_code_login(BerthRequest *request)
{
    Opening *opening = g_new0(Opening, 1);
    opening->login = berth_login_new(request, "", BERTH_LOGIN_METHOD_LINK);
    opening->login->is_whole = true;
    (void)berth_token_hash(berth_body_text(request->body, "code"), opening->hash);
    int error = berth_store_submit(request->broker->store, run_open, open_done, opening);
    if (error != BERTH_OK) {
        open_done(error, opening);
    }
}
