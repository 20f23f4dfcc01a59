/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Accounts: what administrators do to them, and users to their own password.
 */
#include "broker/api/handlers.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "broker/api/login.h"
#include "broker/api/router.h"
#include "broker/revoke.h"

#include <string.h>

/* Work on a password: checked or made in a hash thread, written afterwards. */
typedef struct {
    BerthRequest *request;
    BerthTxFunc write;
    const char *password; /* the new one, borrowed from the body */
    const char *old;      /* the present one, or NULL */
    char *stored;         /* what the store has of the present one */
    char *user;
    char *phc;
    bool is_refused;
    int error; /* of reading */
} PasswordJob;

static void
password_job_free(PasswordJob *job)
{
    g_free(job->stored);
    g_free(job->user);
    g_free(job->phc);
    g_free(job);
}

static void
password_done(int error, void *data)
{
    PasswordJob *job = data;
    BerthRequest *request = job->request;
    if (error != BERTH_OK) {
        g_autofree char *detail = g_steal_pointer(&request->detail);
        request->retry_after_s = error == BERTH_ERR_BUSY ? 2 : request->retry_after_s;
        berth_request_fail(request, error, "%s", detail != NULL ? detail : "");
    } else {
        berth_request_reply(request, request->route->status, g_steal_pointer(&request->reply));
        berth_broker_changed(request->broker);
    }
    password_job_free(job);
}

/* Thread: hash worker. */
static void
run_hash(void *data)
{
    PasswordJob *job = data;
    const BerthPeople *people = job->request->broker->people;
    job->is_refused =
        job->old != NULL && !berth_password_verify(people->pepper, job->stored, job->old);
    if (!job->is_refused) {
        job->phc = berth_password_hash(people->pepper, job->password, &people->cost);
    }
}

static void
hash_done(void *data)
{
    PasswordJob *job = data;
    BerthRequest *request = job->request;
    int error = BERTH_OK;
    if (job->is_refused) {
        error = berth_request_explain(request, BERTH_ERR_BAD_CREDENTIALS,
                                      "the present password is wrong");
    } else if (job->phc == NULL) {
        error = BERTH_ERR_NO_MEMORY;
    } else {
        error = berth_store_submit(request->broker->store, job->write, password_done, job);
        if (error == BERTH_OK) {
            return;
        }
    }
    password_done(error, job);
}

static void
start_hash(PasswordJob *job)
{
    g_autoptr(GError) why = NULL;
    BerthRequest *request = job->request;
    const BerthPeople *people = request->broker->people;
    int error = BERTH_OK;
    if (!berth_password_rules_check(people->rules, job->user, job->password, &why)) {
        error = berth_request_explain(request, why->code, "%s", why->message);
    } else {
        error = berth_worker_pool_submit(people->hash_workers, run_hash, hash_done, job);
    }
    if (error != BERTH_OK) {
        password_done(error, job);
    }
}

static PasswordJob *
password_job_new(BerthRequest *request, BerthTxFunc write, const char *key)
{
    PasswordJob *job = g_new0(PasswordJob, 1);
    job->request = request;
    job->write = write;
    job->password = berth_body_text(request->body, key);
    return job;
}

/* Only who may do everything may make somebody else such. */
static int
grant_site_admin(BerthTx *tx, BerthRequest *request, const char *account)
{
    BerthCause cause = berth_request_cause(request);
    char id[BERTH_ID_HEX_CHARS + 1];
    int error = berth_rights_check(tx, request->account, BERTH_PERMIT_GRANT_WRITE, "/");
    if (error == BERTH_ERR_FORBIDDEN) {
        return berth_request_explain(request, error,
                                     "only an administrator of the site may make another one");
    }
    berth_id_random_hex(id);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_GRANT_INSERT, "sssssi", id, account, NULL, "admin", "/",
                             request->now_us);
    }
    return error == BERTH_OK ? berth_audit(tx, &cause, "role.granted", id,
                                           json_pack("{s:s, s:s, s:s}", "user", account, "role",
                                                     "admin", "scope", "/"))
                             : error;
}

static int
run_add_user(BerthTx *tx, void *data)
{
    const PasswordJob *job = data;
    BerthRequest *request = job->request;
    BerthCause cause = berth_request_cause(request);
    const char *name = berth_body_text(request->body, "name");
    char id[BERTH_ID_HEX_CHARS + 1];
    berth_id_random_hex(id);
    int error =
        berth_tx_run(tx, BERTH_SQL_ACCOUNT_INSERT, "sssi", id, name, job->phc, request->now_us);
    if (error == BERTH_ERR_EXISTS) {
        return berth_request_explain(request, error, "there is a \"%s\" already", name);
    }
    if (error == BERTH_OK && berth_body_bool(request->body, "admin", false)) {
        error = grant_site_admin(tx, request, id);
    }
    if (error != BERTH_OK) {
        return error;
    }
    json_decref(request->reply);
    request->reply = json_pack("{s:s, s:s}", "id", id, "name", name);
    return berth_audit(tx, &cause, "user.added", id, json_pack("{s:s}", "name", name));
}

void
berth_handle_add_user(BerthRequest *request)
{
    PasswordJob *job = password_job_new(request, run_add_user, "password");
    job->user = g_strdup(berth_body_text(request->body, "name"));
    start_hash(job);
}

typedef struct {
    char *name;
    char *display_name;
    bool is_enabled;
    bool needs_totp;
    int64_t version;
} Account;

static void
account_clear(Account *account)
{
    g_free(account->name);
    g_free(account->display_name);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Account, account_clear)

static int
lock_account(BerthTx *tx, BerthRequest *request, const char *id, Account *ret)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_ACCOUNT_LOCK, "s", id);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        ret->name = g_strdup(berth_rows_text(&rows, 0));
        ret->display_name = g_strdup(berth_rows_text(&rows, 1));
        ret->is_enabled = berth_rows_int(&rows, 2) != 0;
        ret->needs_totp = berth_rows_int(&rows, 3) != 0;
        ret->version = berth_rows_int(&rows, 4);
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there
               ? berth_request_explain(request, BERTH_ERR_NOT_FOUND, "there is no user \"%s\"", id)
               : error;
}

/* A new password ends what the old one opened: all logins but the one that asks. */
static int
run_set_password(BerthTx *tx, void *data)
{
    const PasswordJob *job = data;
    BerthRequest *request = job->request;
    BerthCause cause = berth_request_cause(request);
    bool is_own = job->old != NULL;
    const char *account = is_own ? request->account : request->id;
    int error = is_own ? berth_request_needs_login(tx, request) : BERTH_OK;
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_ACCOUNT_NEW_PASSWORD, "ss", account, job->phc);
    }
    if (error == BERTH_ERR_NOT_FOUND) {
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "this user's password is not kept here; change it in the "
                                     "user's directory");
    }
    if (error == BERTH_OK) {
        error = berth_revoke_logins(tx, &cause, account, "", "login",
                                    is_own ? request->token_hash : "", NULL);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_DEVICE_FORGET_ALL, "s", account);
    }
    return error == BERTH_OK ? berth_audit(tx, &cause, "user.password", account, NULL) : error;
}

static int
read_name(BerthTx *tx, void *data)
{
    PasswordJob *job = data;
    BerthRows rows;
    const char *id = job->old != NULL ? job->request->account : job->request->id;
    g_clear_pointer(&job->user, g_free);
    g_clear_pointer(&job->stored, g_free);
    berth_tx_query(tx, &rows, BERTH_SQL_ACCOUNT_READ, "s", id);
    if (berth_rows_next(&rows)) {
        job->user = g_strdup(berth_rows_text(&rows, 0));
        job->stored = g_strdup(berth_rows_text(&rows, 1));
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && job->user == NULL
               ? berth_request_explain(job->request, BERTH_ERR_NOT_FOUND, "there is no user \"%s\"",
                                       id)
               : error;
}

/* Thread: hash worker. */
static void
run_read_name(void *data)
{
    PasswordJob *job = data;
    job->error = berth_store_read(job->request->broker->store, read_name, job);
}

static void
name_done(void *data)
{
    PasswordJob *job = data;
    if (job->error != BERTH_OK) {
        password_done(job->error, job);
    } else {
        start_hash(job);
    }
}

static void
start_set_password(PasswordJob *job)
{
    int error = berth_worker_pool_submit(job->request->broker->people->hash_workers, run_read_name,
                                         name_done, job);
    if (error != BERTH_OK) {
        password_done(error, job);
    }
}

void
berth_handle_set_password(BerthRequest *request)
{
    start_set_password(password_job_new(request, run_set_password, "password"));
}

/* Guessing the present password by a stolen login is as slow as by the front door. */
void
berth_handle_my_password(BerthRequest *request)
{
    BerthThrottle *throttle = request->broker->people->throttle;
    g_autofree char *key = g_strconcat("password:", request->account, NULL);
    int64_t now_us = berth_monotonic_us();
    int64_t wait_us = berth_throttle_wait_us(throttle, key, now_us);
    if (wait_us > 0) {
        request->retry_after_s = wait_us / 1000000 + 1;
        berth_request_fail(request, BERTH_ERR_THROTTLED, "%s", "");
        return;
    }
    berth_throttle_fail(throttle, key, now_us);
    PasswordJob *job = password_job_new(request, run_set_password, "password");
    job->old = berth_body_text(request->body, "old_password");
    start_set_password(job);
}

static int
reply_account(BerthTx *tx, BerthRequest *request, const char *id)
{
    int error = BERTH_OK;
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_ACCOUNT_GET, "s", id);
    if (error == BERTH_OK && json_array_size(rows) == 0) {
        return berth_request_explain(request, BERTH_ERR_NOT_FOUND, "there is no user \"%s\"", id);
    }
    json_decref(request->reply);
    request->reply = json_incref(json_array_get(rows, 0));
    return error;
}

int
berth_handle_get_user(BerthTx *tx, BerthRequest *request)
{
    return reply_account(tx, request, request->id);
}

/* Somebody must stay who can do everything. */
static int
check_not_last_admin(BerthTx *tx, BerthRequest *request)
{
    int64_t n_own = 0;
    int64_t n_others = 0;
    int error = berth_tx_get_int(tx, &n_own, BERTH_SQL_IS_SITE_ADMIN, "s", request->id);
    if (error == BERTH_OK) {
        error = berth_tx_get_int(tx, &n_others, BERTH_SQL_OTHER_ADMINS, "s", request->id);
    }
    if (error == BERTH_OK && n_own > 0 && n_others == 0) {
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "this is the last administrator; make another one first");
    }
    return error;
}

static int64_t
wanted_version(const BerthRequest *request, int64_t present)
{
    return request->match_version > 0 ? request->match_version : present;
}

int
berth_handle_change_user(BerthTx *tx, BerthRequest *request)
{
    g_auto(Account) account = { 0 };
    BerthCause cause = berth_request_cause(request);
    int error = lock_account(tx, request, request->id, &account);
    if (error != BERTH_OK) {
        return error;
    }
    const char *display_name = berth_body_text(request->body, "display_name");
    bool is_enabled = berth_body_bool(request->body, "enabled", account.is_enabled);
    bool needs_totp = berth_body_bool(request->body, "needs_totp", account.needs_totp);
    bool is_disabled = account.is_enabled && !is_enabled;
    if (is_disabled) {
        error = check_not_last_admin(tx, request);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_ACCOUNT_UPDATE, "ssbbi", request->id,
                                 display_name != NULL ? display_name : account.display_name,
                                 (int)is_enabled, (int)needs_totp,
                                 wanted_version(request, account.version));
        error = berth_request_match_error(request, error);
    }
    if (error == BERTH_OK && is_disabled) {
        error = berth_revoke_account(tx, &cause, request->id);
    }
    if (error == BERTH_OK) {
        error = berth_audit(
            tx, &cause, "user.changed", request->id,
            json_pack("{s:b, s:b}", "enabled", (int)is_enabled, "needs_totp", (int)needs_totp));
    }
    return error == BERTH_OK ? reply_account(tx, request, request->id) : error;
}

/* What belongs to the user alone and may go; what happened stays, under a name that says so. */
static const BerthStatement belongings[] = {
    BERTH_SQL_RECOVERY_CLEAR,
    BERTH_SQL_TOTP_DELETE,
    BERTH_SQL_DEVICE_FORGET_ALL,
    BERTH_SQL_ACCOUNT_CLEAR_GRANTS,
    BERTH_SQL_ACCOUNT_CLEAR_ENTITLEMENTS,
    BERTH_SQL_ACCOUNT_CLEAR_MEMBER,
    BERTH_SQL_ACCOUNT_CLEAR_WAITING,
    BERTH_SQL_ACCOUNT_CLEAR_TRACE,
    BERTH_SQL_ACCOUNT_CLEAR_DEVICES,
    BERTH_SQL_ACCOUNT_CLEAR_POLICY,
};

int
berth_handle_remove_user(BerthTx *tx, BerthRequest *request)
{
    g_auto(Account) account = { 0 };
    BerthCause cause = berth_request_cause(request);
    int64_t n_open = 0;
    int error = lock_account(tx, request, request->id, &account);
    if (error == BERTH_OK) {
        error = check_not_last_admin(tx, request);
    }
    if (error == BERTH_OK) {
        error = berth_tx_get_int(tx, &n_open, BERTH_SQL_ACCOUNT_OPEN_DESKTOPS, "s", request->id);
    }
    if (error == BERTH_OK && n_open > 0) {
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "\"%s\" still has %d desktops; log them off first",
                                     account.name, (int)n_open);
    }
    if (error == BERTH_OK) {
        error = berth_revoke_account(tx, &cause, request->id);
    }
    for (size_t i = 0; error == BERTH_OK && i < G_N_ELEMENTS(belongings); i++) {
        error = berth_tx_run(tx, belongings[i], "s", request->id);
    }
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_ACCOUNT_BURY, "si", request->id, request->now_us);
    }
    return error == BERTH_OK ? berth_audit(tx, &cause, "user.removed", request->id,
                                           json_pack("{s:s}", "name", account.name))
                             : error;
}
