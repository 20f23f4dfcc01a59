/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How every login ends: account, second factor, token, device, audit row in one transaction, then
 * the answer.
 */
#include "broker/api/login.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/secret.h"
#include "broker/api/handlers.h"
#include "broker/metrics.h"

#include <string.h>

#define SECOND_US (1000LL * 1000)

static void
source_free(gpointer data)
{
    BerthLoginSource *source = data;
    g_free(source->name);
    g_free(source->kind);
    g_free(source->settings);
    g_free(source);
}

BerthLogin *
berth_login_new(BerthRequest *request, const char *name, const char *method)
{
    BerthLogin *login = g_new0(BerthLogin, 1);
    const char *device = berth_body_text(request->body, "device_token");
    login->broker = request->broker;
    login->request = request;
    login->name = name;
    login->method = method;
    login->begun_us = berth_monotonic_us();
    login->source_key = berth_throttle_dup_source_key(request->source);
    login->sources = g_ptr_array_new_with_free_func(source_free);
    if (device != NULL) {
        (void)berth_token_hash(device, login->device_hash);
    }
    g_snprintf(login->actor, sizeof login->actor, "user:%s", name);
    login->cause = (BerthCause){ .now_us = request->now_us, .actor = login->actor };
    return login;
}

void
berth_login_add_source(BerthLogin *login, const char *id, const char *name, const char *kind,
                       const char *settings)
{
    BerthLoginSource *source = g_new0(BerthLoginSource, 1);
    g_strlcpy(source->id, id, sizeof source->id);
    source->name = g_strdup(name);
    source->kind = g_strdup(kind);
    source->settings = g_strdup(settings);
    g_ptr_array_add(login->sources, source);
}

void
berth_login_free(BerthLogin *login)
{
    if (login == NULL) {
        return;
    }
    g_free(login->user_key);
    g_free(login->source_key);
    g_free(login->source_name);
    g_free(login->phc);
    g_free(login->new_phc);
    g_free(login->why);
    g_ptr_array_unref(login->sources);
    berth_identity_free(login->identity);
    json_decref(login->recovery_codes);
    berth_wipe(login, sizeof *login);
    g_free(login);
}

typedef struct {
    bool is_enabled;
    bool needs_totp;
    bool has_totp;
    bool is_password_changed;
} State;

static int
read_state(BerthTx *tx, BerthLogin *login, State *ret)
{
    BerthRows rows;
    *ret = (State){ 0 };
    berth_tx_query(tx, &rows, BERTH_SQL_LOGIN_STATE, "s", login->account);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        g_strlcpy(login->user_name, berth_rows_text(&rows, 0), sizeof login->user_name);
        ret->is_enabled = berth_rows_int(&rows, 1) != 0;
        ret->needs_totp = berth_rows_int(&rows, 2) != 0 || berth_rows_int(&rows, 6) > 0;
        ret->has_totp = !berth_rows_is_null(&rows, 3);
        /* The password that was checked may have been changed meanwhile. */
        ret->is_password_changed =
            login->phc != NULL && strcmp(login->phc, berth_rows_text(&rows, 4)) != 0;
        login->is_admin = berth_rows_int(&rows, 5) != 0;
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && (!is_there || !ret->is_enabled || ret->is_password_changed)
               ? BERTH_ERR_FORBIDDEN
               : error;
}

static const char *
choose_second_factor(const BerthLogin *login, const State *state)
{
    if (login->is_whole) {
        return NULL;
    }
    if (state->has_totp) {
        return "totp";
    }
    return state->needs_totp ? "enrol" : NULL;
}

static int64_t
life_of(const BerthLogin *login)
{
    return login->link_pool[0] != '\0' ? BERTH_LIMIT_LINK_LOGIN_US : BERTH_LIMIT_LOGIN_LIFE_US;
}

static int
write_token(BerthTx *tx, BerthLogin *login)
{
    char id[BERTH_ID_HEX_CHARS + 1];
    char hash[BERTH_TOKEN_CHARS + 1];
    bool is_pending = login->second_factor != NULL;
    int64_t life_us = is_pending ? BERTH_LIMIT_PENDING_LOGIN_US : life_of(login);
    berth_id_random_hex(id);
    berth_token_new(login->token);
    (void)berth_token_hash(login->token, hash);
    return berth_tx_run(tx, BERTH_SQL_LOGIN_INSERT, "sssssssii", hash, id, login->account,
                        is_pending ? "pending" : "login", login->link_pool, login->method,
                        login->request->source, login->cause.now_us, login->cause.now_us + life_us);
}

/* The device is known from now on, if the user wants it to be. */
static int
write_device(BerthTx *tx, BerthLogin *login)
{
    const json_t *body = login->request->body;
    const char *name = berth_body_text(body, "device_name");
    char hash[BERTH_TOKEN_CHARS + 1];
    login->device_token[0] = '\0';
    if (login->device_hash[0] != '\0') {
        int error = berth_tx_run_one(tx, BERTH_SQL_DEVICE_SEEN, "ssi", login->account,
                                     login->device_hash, login->cause.now_us);
        if (error != BERTH_ERR_NOT_FOUND) {
            return error;
        }
    }
    if (!berth_body_bool(body, "remember_device", false)) {
        return BERTH_OK;
    }
    berth_token_new(login->device_token);
    (void)berth_token_hash(login->device_token, hash);
    int error = berth_tx_run(tx, BERTH_SQL_DEVICE_INSERT_KNOWN, "sssi", login->account, hash,
                             name != NULL ? name : "", login->cause.now_us);
    return error == BERTH_OK ? berth_tx_run(tx, BERTH_SQL_DEVICE_TRIM, "si", login->account,
                                            (int64_t)BERTH_LIMIT_KNOWN_DEVICES)
                             : error;
}

int
berth_login_write(BerthTx *tx, BerthLogin *login)
{
    State state;
    int error = read_state(tx, login, &state);
    if (error != BERTH_OK) {
        return error;
    }
    login->second_factor = choose_second_factor(login, &state);
    error = write_token(tx, login);
    if (error == BERTH_OK && login->new_phc != NULL) {
        error = berth_tx_run_one(tx, BERTH_SQL_ACCOUNT_SET_PASSWORD, "ss", login->account,
                                 login->new_phc);
    }
    if (error == BERTH_OK && login->second_factor == NULL) {
        error = write_device(tx, login);
    }
    if (error == BERTH_OK) {
        error =
            berth_audit(tx, &login->cause,
                        login->second_factor == NULL ? "login.ok" : "login.pending", login->account,
                        json_pack("{s:s, s:s, s:s*}", "source", login->request->source, "method",
                                  login->method, "directory", login->source_name));
    }
    return error;
}

static int
run_accept(BerthTx *tx, void *data)
{
    BerthLogin *login = data;
    int error = login->identity != NULL ? berth_login_take_identity(tx, login) : BERTH_OK;
    return error == BERTH_OK ? berth_login_write(tx, login) : error;
}

json_t *
berth_login_answer(const BerthLogin *login)
{
    if (login->second_factor != NULL) {
        return json_pack("{s:s, s:s, s:I}", "pending", login->token, "second_factor",
                         login->second_factor, "expires_in_s",
                         (json_int_t)(BERTH_LIMIT_PENDING_LOGIN_US / SECOND_US));
    }
    bool is_admin = login->is_admin && login->link_pool[0] == '\0';
    json_t *answer =
        json_pack("{s:s, s:I, s:{s:s, s:s, s:b}}", "token", login->token, "expires_in_s",
                  (json_int_t)(life_of(login) / SECOND_US), "user", "id", login->account, "name",
                  login->user_name, "admin", (int)is_admin);
    if (login->device_token[0] != '\0') {
        json_object_set_new(answer, "device_token", json_string(login->device_token));
    }
    if (login->recovery_codes != NULL) {
        json_object_set(answer, "recovery_codes", login->recovery_codes);
    }
    return answer;
}

static void
accept_done(int error, void *data)
{
    BerthLogin *login = data;
    BerthRequest *request = login->request;
    if (error == BERTH_ERR_FORBIDDEN) {
        login->error = BERTH_ERR_BAD_CREDENTIALS;
        g_free(login->why);
        login->why = g_strdup("the account is disabled, or its name is another source's");
        berth_login_refuse(login);
        return;
    }
    if (error != BERTH_OK) {
        berth_login_drop(login, error, "the login was not written");
        return;
    }
    if (login->user_key != NULL) {
        berth_throttle_forgive(login->broker->people->throttle, login->user_key);
    }
    berth_metric_add(BERTH_METRIC_LOGINS_OK, 1);
    berth_metric_observe_us(BERTH_METRIC_LOGIN_TOTAL, berth_monotonic_us() - login->begun_us);
    berth_request_reply(request, 200, berth_login_answer(login));
    berth_login_free(login);
}

void
berth_login_accept(BerthLogin *login)
{
    int error = berth_store_submit(login->broker->store, run_accept, accept_done, login);
    if (error != BERTH_OK) {
        accept_done(error, login);
    }
}

static int
run_refuse(BerthTx *tx, void *data)
{
    BerthLogin *login = data;
    return berth_audit(tx, &login->cause, "login.failed", login->account,
                       json_pack("{s:s, s:s, s:s}", "source", login->request->source, "method",
                                 login->method, "reason", berth_error_name(login->error)));
}

static void
refuse_done(int error, void *data)
{
    BerthLogin *login = data;
    /* An unknown user, a wrong password and a disabled account look the same. */
    berth_request_fail(login->request, login->error, "%s", "");
    berth_login_free(login);
}

void
berth_login_refuse(BerthLogin *login)
{
    BerthThrottle *throttle = login->broker->people->throttle;
    berth_log_warning("auth", "a login of \"%s\" from %s failed: %s", login->name,
                      login->request->source,
                      login->why != NULL ? login->why : berth_error_sentence(login->error));
    berth_metric_add(BERTH_METRIC_LOGINS_FAILED, 1);
    if (login->error != BERTH_ERR_BAD_CREDENTIALS) {
        berth_login_drop(login, login->error,
                         login->error == BERTH_ERR_SOURCE_DOWN
                             ? "the directory that knows this user cannot be asked; try again, or "
                               "tell your administrator"
                             : "");
        return;
    }
    if (!login->is_known_device) {
        berth_throttle_fail(throttle, login->source_key, berth_monotonic_us());
    }
    int error = berth_store_submit(login->broker->store, run_refuse, refuse_done, login);
    if (error != BERTH_OK) {
        refuse_done(error, login);
    }
}

void
berth_login_drop(BerthLogin *login, int error, const char *detail)
{
    if (login->user_key != NULL) {
        berth_throttle_take_back(login->broker->people->throttle, login->user_key);
    }
    if (error == BERTH_ERR_BUSY || error == BERTH_ERR_SOURCE_DOWN) {
        login->request->retry_after_s = MAX(login->request->retry_after_s, 2);
    }
    berth_request_fail(login->request, error, "%s", detail);
    berth_login_free(login);
}
