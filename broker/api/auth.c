/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logging in: throttle, then one hash whether the user exists or not, then a token.
 *
 * A user name is throttled from the moment the attempt begins, so that many guesses at once do not
 * get more tries than one after the other; a source address only by its failures, since a whole
 * office may log in from one.
 */
#include "broker/api/handlers.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/secret.h"
#include "broker/broker.h"

#include <string.h>

#define SECOND_US (1000LL * 1000)

typedef struct {
    BerthBroker *broker;
    BerthRequest *request;
    BerthCause cause;
    char source[BERTH_REQUEST_SOURCE_CHARS];
    char *user_key;
    char *source_key;
    char account[BERTH_ID_HEX_CHARS + 1]; /* "" if there is no such user */
    char actor[BERTH_LIMIT_NAME_BYTES + 16];
    bool is_admin;
    bool is_enabled;
    char *phc;
    char *new_phc; /* the password hashed at today's cost, NULL if it was already */
    bool is_verified;
    char token[BERTH_TOKEN_CHARS + 1];
    char token_hash[BERTH_TOKEN_CHARS + 1];
} Login;

static void
login_free(Login *login)
{
    g_free(login->user_key);
    g_free(login->source_key);
    g_free(login->phc);
    g_free(login->new_phc);
    berth_wipe(login->token, sizeof login->token);
    g_free(login);
}

static int
read_account(BerthTx *tx, void *data)
{
    Login *login = data;
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_ACCOUNT_BY_NAME, "s",
                   berth_body_text(login->request->body, "user"));
    if (berth_rows_next(&rows)) {
        g_strlcpy(login->account, berth_rows_text(&rows, 0), sizeof login->account);
        login->phc = g_strdup(berth_rows_text(&rows, 2));
        login->is_admin = berth_rows_int(&rows, 3) != 0;
        login->is_enabled = berth_rows_int(&rows, 4) != 0;
    }
    return berth_rows_end(&rows);
}

static void
run_verify(void *data)
{
    Login *login = data;
    const char *password = berth_body_text(login->request->body, "password");
    const BerthPeople *people = login->broker->people;
    bool is_same = berth_password_verify(people->pepper, login->phc, password);
    login->is_verified = is_same && login->account[0] != '\0' && login->is_enabled;
    if (login->is_verified &&
        berth_password_needs_rehash(people->pepper, login->phc, &people->cost)) {
        login->new_phc = berth_password_hash(people->pepper, password, &people->cost);
    }
}

static int
write_success(BerthTx *tx, void *data)
{
    Login *login = data;
    char id[BERTH_ID_HEX_CHARS + 1];
    berth_id_random_hex(id);
    int error = berth_tx_run(tx, BERTH_SQL_TOKEN_INSERT, "ssssii", login->token_hash, id,
                             login->account, login->source, login->cause.now_us,
                             login->cause.now_us + BERTH_LIMIT_LOGIN_LIFE_US);
    if (error == BERTH_OK && login->new_phc != NULL) {
        error = berth_tx_run_one(tx, BERTH_SQL_ACCOUNT_SET_PASSWORD, "ss", login->account,
                                 login->new_phc);
    }
    if (error == BERTH_OK) {
        error = berth_audit(tx, &login->cause, "login.ok", login->account,
                            json_pack("{s:s}", "source", login->source));
    }
    return error;
}

static int
write_failure(BerthTx *tx, void *data)
{
    Login *login = data;
    return berth_audit(tx, &login->cause, "login.failed", login->account,
                       json_pack("{s:s}", "source", login->source));
}

static void
success_done(int error, void *data)
{
    Login *login = data;
    BerthRequest *request = login->request;
    if (error != BERTH_OK) {
        berth_request_fail(request, error, "the login was not written");
    } else {
        json_t *user =
            json_pack("{s:s, s:s, s:b}", "id", login->account, "name",
                      berth_body_text(request->body, "user"), "admin", (int)login->is_admin);
        berth_request_reply(request, 200,
                            json_pack("{s:s, s:I, s:o}", "token", login->token, "expires_in_s",
                                      (json_int_t)(BERTH_LIMIT_LOGIN_LIFE_US / SECOND_US), "user",
                                      user));
    }
    login_free(login);
}

static void
failure_done(int error, void *data)
{
    Login *login = data;
    berth_request_fail(login->request, BERTH_ERR_BAD_CREDENTIALS, "%s", "");
    login_free(login);
}

static void
verify_done(void *data)
{
    Login *login = data;
    BerthBroker *broker = login->broker;
    BerthStoreDone done = login->is_verified ? success_done : failure_done;
    if (login->is_verified) {
        berth_throttle_forgive(broker->people->throttle, login->user_key);
        berth_token_new(login->token);
        (void)berth_token_hash(login->token, login->token_hash);
    } else {
        berth_throttle_fail(broker->people->throttle, login->source_key, berth_monotonic_us());
        berth_log_warning("auth", "a login of \"%s\" from %s failed",
                          berth_body_text(login->request->body, "user"), login->source);
    }
    int error = berth_store_submit(broker->store,
                                   login->is_verified ? write_success : write_failure, done, login);
    if (error != BERTH_OK) {
        done(error, login);
    }
}

static bool
is_throttled(Login *login)
{
    BerthThrottle *throttle = login->broker->people->throttle;
    int64_t now_us = berth_monotonic_us();
    int64_t wait_us = MAX(berth_throttle_wait_us(throttle, login->user_key, now_us),
                          berth_throttle_wait_us(throttle, login->source_key, now_us));
    if (wait_us > 0) {
        login->request->retry_after_s = (wait_us + SECOND_US - 1) / SECOND_US;
        return true;
    }
    berth_throttle_fail(throttle, login->user_key, now_us);
    return false;
}

static Login *
login_new(BerthRequest *request)
{
    Login *login = g_new0(Login, 1);
    login->broker = request->broker;
    login->request = request;
    login->user_key = g_strconcat("user:", berth_body_text(request->body, "user"), NULL);
    login->source_key = berth_throttle_dup_source_key(request->source);
    g_strlcpy(login->source, request->source, sizeof login->source);
    g_snprintf(login->actor, sizeof login->actor, "user:%s",
               berth_body_text(request->body, "user"));
    login->cause = (BerthCause){ .now_us = request->now_us, .actor = login->actor };
    return login;
}

void
berth_handle_login(BerthRequest *request)
{
    BerthBroker *broker = request->broker;
    Login *login = login_new(request);
    if (is_throttled(login)) {
        berth_request_fail(request, BERTH_ERR_THROTTLED, "%s", "");
        login_free(login);
        return;
    }
    int error = berth_store_read(broker->store, read_account, login);
    if (login->phc == NULL) {
        login->phc = g_strdup(broker->people->dummy_hash);
    }
    if (error == BERTH_OK) {
        error =
            berth_worker_pool_submit(broker->people->hash_workers, run_verify, verify_done, login);
    }
    if (error != BERTH_OK) {
        berth_throttle_take_back(broker->people->throttle, login->user_key);
        berth_request_fail(request, error, "the login cannot be checked now");
        login_free(login);
    }
}

int
berth_handle_logout(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = { .now_us = request->now_us, .actor = request->actor };
    int error = berth_tx_run(tx, BERTH_SQL_TOKEN_DELETE, "s", request->token_hash);
    return error == BERTH_OK ? berth_audit(tx, &cause, "logout", request->account, NULL) : error;
}
