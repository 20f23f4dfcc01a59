/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Second factors: enrolment, the second step of a login, recovery codes, and taking a lost one
 * away.
 *
 * Failures are counted in the store, in the row of the factor, so that several brokers count
 * together: five are free, then each doubles the wait.  The transaction that counts one commits;
 * the answer says no.
 */
#include "broker/api/login.h"

#include "base/error.h"
#include "base/id.h"
#include "base/secret.h"
#include "broker/api/handlers.h"
#include "broker/auth/totp.h"

#include <string.h>

#define SECOND_US (1000LL * 1000)
#define META_ROLES "second-factor-roles"

typedef struct {
    uint8_t secret[BERTH_TOTP_SECRET_BYTES];
    bool is_there;
    bool is_confirmed;
    bool is_old_key; /* sealed with the older pepper */
    int64_t last_counter;
    int64_t n_failures;
    int64_t blocked_until_us;
} Factor;

static int
read_factor(BerthTx *tx, const BerthPepper *pepper, const char *account, Factor *ret)
{
    BerthRows rows;
    size_t len = 0;
    int opened = BERTH_OK;
    *ret = (Factor){ 0 };
    berth_tx_query(tx, &rows, BERTH_SQL_TOTP_GET, "s", account);
    if (berth_rows_next(&rows)) {
        const char *sealed = berth_rows_text(&rows, 0);
        ret->is_there = true;
        ret->is_confirmed = !berth_rows_is_null(&rows, 1);
        ret->last_counter = berth_rows_int(&rows, 2);
        ret->n_failures = berth_rows_int(&rows, 3);
        ret->blocked_until_us = berth_rows_int(&rows, 4);
        ret->is_old_key = !g_str_has_prefix(sealed, berth_pepper_get_id(pepper));
        opened = berth_pepper_open(pepper, account, sealed, ret->secret, sizeof ret->secret, &len);
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK ? opened : error;
}

/* Makes a secret that waits for its first code; the answer is its only showing. */
static int
enrol(BerthTx *tx, BerthRequest *request, const char *account, const char *user)
{
    const BerthPeople *people = request->broker->people;
    BerthCause cause = berth_request_cause(request);
    uint8_t secret[BERTH_TOTP_SECRET_BYTES];
    berth_random_bytes(secret, sizeof secret);
    g_autofree char *sealed = berth_pepper_seal(people->pepper, account, secret, sizeof secret);
    char *uri = berth_totp_dup_uri(people->site_name, user, secret);
    char *base32 = berth_totp_dup_base32(secret);
    berth_wipe(secret, sizeof secret);
    int error = berth_tx_run_one(tx, BERTH_SQL_TOTP_SET, "ssi", account, sealed, request->now_us);
    if (error == BERTH_ERR_NOT_FOUND) {
        error = berth_request_explain(request, BERTH_ERR_STATE,
                                      "there is a second factor already; remove it first");
    }
    if (error == BERTH_OK) {
        json_decref(request->reply);
        request->reply = json_pack("{s:s, s:s}", "secret", base32, "uri", uri);
        error = berth_audit(tx, &cause, "totp.begun", account, NULL);
    }
    berth_wipe(uri, strlen(uri));
    berth_wipe(base32, strlen(base32));
    g_free(uri);
    g_free(base32);
    return error;
}

int
berth_handle_my_totp(BerthTx *tx, BerthRequest *request)
{
    int error = berth_request_needs_login(tx, request);
    const char *colon = strchr(request->actor, ':');
    return error == BERTH_OK ? enrol(tx, request, request->account, colon != NULL ? colon + 1 : "")
                             : error;
}

static int
write_recovery_codes(BerthTx *tx, const BerthPepper *pepper, const char *account,
                     json_t **ret_codes)
{
    json_t *codes = json_array();
    int error = berth_tx_run(tx, BERTH_SQL_RECOVERY_CLEAR, "s", account);
    for (int i = 0; error == BERTH_OK && i < BERTH_RECOVERY_CODES; i++) {
        char code[BERTH_RECOVERY_CODE_CHARS + 1];
        char hash[BERTH_RECOVERY_HASH_CHARS + 1];
        berth_recovery_code_new(code);
        error = berth_recovery_code_hash(pepper, NULL, account, code, hash);
        if (error == BERTH_OK) {
            error = berth_tx_run(tx, BERTH_SQL_RECOVERY_INSERT, "ss", account, hash);
        }
        json_array_append_new(codes, json_string(code));
        berth_wipe(code, sizeof code);
    }
    json_decref(*ret_codes);
    *ret_codes = codes;
    return error;
}

static int
use_recovery_code(BerthTx *tx, const BerthPepper *pepper, const char *account, const char *code,
                  int64_t now_us)
{
    const char *ids[] = { NULL, berth_pepper_get_older_id(pepper) };
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
        char hash[BERTH_RECOVERY_HASH_CHARS + 1];
        if (i > 0 && ids[i] == NULL) {
            break;
        }
        if (berth_recovery_code_hash(pepper, ids[i], account, code, hash) != BERTH_OK) {
            return BERTH_ERR_BAD_CREDENTIALS;
        }
        int error = berth_tx_run_one(tx, BERTH_SQL_RECOVERY_USE, "ssi", account, hash, now_us);
        if (error != BERTH_ERR_NOT_FOUND) {
            return error;
        }
    }
    return BERTH_ERR_BAD_CREDENTIALS;
}

/* What a try at a second factor is made with, and how it went. */
typedef struct {
    const BerthPepper *pepper;
    const BerthCause *cause;
    const char *account;
    const char *code;     /* six digits, or NULL */
    const char *recovery; /* a recovery code, or NULL */
    bool is_first;        /* confirmed by this */
    int64_t wait_us;      /* blocked for so long */
} Try;

static int
check_code(BerthTx *tx, const Try *try, const Factor *factor)
{
    int64_t now_us = try->cause->now_us;
    int64_t counter = 0;
    if (try->recovery != NULL) {
        int error = factor->is_confirmed
                        ? use_recovery_code(tx, try->pepper, try->account, try->recovery, now_us)
                        : BERTH_ERR_BAD_CREDENTIALS;
        return error == BERTH_OK ? berth_tx_run(tx, BERTH_SQL_TOTP_FORGIVE, "s", try->account)
                                 : error;
    }
    int error = try->code == NULL ? BERTH_ERR_BAD_CREDENTIALS
                                  : berth_totp_check(factor->secret, try->code, now_us,
                                                     factor->last_counter, &counter);
    return error == BERTH_OK
               ? berth_tx_run_one(tx, BERTH_SQL_TOTP_USE, "sii", try->account, counter, now_us)
               : error;
}

static int
count_failure(BerthTx *tx, const Try *try, int64_t n_failures, int result)
{
    int64_t wait_us = berth_throttle_wait_after_us((int)n_failures);
    int error = berth_tx_run(tx, BERTH_SQL_TOTP_FAIL, "si", try->account,
                             wait_us > 0 ? try->cause->now_us + wait_us : 0);
    return error == BERTH_OK ? berth_audit(tx, try->cause, "totp.failed", try->account,
                                           json_pack("{s:s}", "reason", berth_error_name(result)))
                             : error;
}

/*
 * Tries a code.  Errors: BERTH_ERR_BAD_CREDENTIALS and BERTH_ERR_REPLAYED were counted, the
 * transaction must commit; BERTH_ERR_THROTTLED; BERTH_ERR_STATE without a factor; the store's.
 */
static int
try_factor(BerthTx *tx, Try *try)
{
    Factor factor;
    int error = read_factor(tx, try->pepper, try->account, &factor);
    if (error == BERTH_OK && !factor.is_there) {
        error = BERTH_ERR_STATE;
    }
    if (error == BERTH_OK && factor.blocked_until_us > try->cause->now_us) {
        try->wait_us = factor.blocked_until_us - try->cause->now_us;
        error = BERTH_ERR_THROTTLED;
    }
    if (error != BERTH_OK) {
        return error;
    }
    try->is_first = !factor.is_confirmed;
    int result = check_code(tx, try, &factor);
    if (result == BERTH_OK && factor.is_old_key) {
        g_autofree char *sealed =
            berth_pepper_seal(try->pepper, try->account, factor.secret, sizeof factor.secret);
        result = berth_tx_run(tx, BERTH_SQL_TOTP_RESEAL, "ss", try->account, sealed);
    }
    berth_wipe(factor.secret, sizeof factor.secret);
    if (result == BERTH_ERR_BAD_CREDENTIALS || result == BERTH_ERR_REPLAYED) {
        error = count_failure(tx, try, factor.n_failures + 1, result);
    }
    return error == BERTH_OK ? result : error;
}

/* A try inside of a request: its outcome is told after the commit. */
typedef struct {
    BerthRequest *request;
    BerthLogin *login; /* of a second step, else NULL */
    BerthCause cause;
    char pending_hash[BERTH_TOKEN_CHARS + 1];
    Try try;
    int outcome;
    json_t *codes;
    bool is_removal;
} Step;

static int
commits(int error)
{
    return error == BERTH_ERR_BAD_CREDENTIALS || error == BERTH_ERR_REPLAYED ||
                   error == BERTH_ERR_THROTTLED
               ? BERTH_OK
               : error;
}

static void
step_free(Step *step)
{
    json_decref(step->codes);
    berth_login_free(step->login);
    g_free(step);
}

static void
answer_failure(Step *step, int error)
{
    BerthRequest *request = step->request;
    const char *detail = "";
    if (error == BERTH_ERR_THROTTLED) {
        request->retry_after_s = (step->try.wait_us + SECOND_US - 1) / SECOND_US;
    } else if (error == BERTH_ERR_BAD_CREDENTIALS) {
        detail = "the code is wrong";
    } else if (error == BERTH_ERR_REPLAYED) {
        detail = "the code was used already; wait for the next one";
        error = BERTH_ERR_BAD_CREDENTIALS;
    } else if (error == BERTH_ERR_EXPIRED) {
        detail = "the login took too long; begin again";
    } else if (error == BERTH_ERR_STATE) {
        detail = "there is no second factor yet; enrol one first";
    }
    berth_request_fail(request, error, "%s", detail);
}

static void
step_done(int error, void *data)
{
    Step *step = data;
    int outcome = error != BERTH_OK ? error : step->outcome;
    if (outcome != BERTH_OK) {
        answer_failure(step, outcome);
    } else if (step->login != NULL) {
        berth_request_reply(step->request, 200, berth_login_answer(step->login));
    } else {
        json_t *codes = g_steal_pointer(&step->codes);
        berth_request_reply(step->request, codes != NULL ? 200 : 204,
                            codes != NULL ? json_pack("{s:o}", "recovery_codes", codes) : NULL);
    }
    step_free(step);
}

static Step *
step_new(BerthRequest *request)
{
    Step *step = g_new0(Step, 1);
    step->request = request;
    step->cause = berth_request_cause(request);
    step->try = (Try){ .pepper = request->broker->people->pepper,
                       .cause = &step->cause,
                       .account = request->account,
                       .code = berth_body_text(request->body, "code"),
                       .recovery = berth_body_text(request->body, "recovery_code") };
    return step;
}

static void
step_submit(Step *step, BerthTxFunc run)
{
    int error = berth_store_submit(step->request->broker->store, run, step_done, step);
    if (error != BERTH_OK) {
        step_done(error, step);
    }
}

static int
run_own_step(BerthTx *tx, void *data)
{
    Step *step = data;
    const char *account = step->try.account;
    int error = berth_request_needs_login(tx, step->request);
    step->outcome = error == BERTH_OK ? try_factor(tx, &step->try) : error;
    if (step->outcome != BERTH_OK) {
        return commits(step->outcome);
    }
    if (step->is_removal) {
        error = berth_tx_run(tx, BERTH_SQL_RECOVERY_CLEAR, "s", account);
        if (error == BERTH_OK) {
            error = berth_tx_run(tx, BERTH_SQL_TOTP_DELETE, "s", account);
        }
        return error == BERTH_OK ? berth_audit(tx, &step->cause, "totp.removed", account, NULL)
                                 : error;
    }
    error = write_recovery_codes(tx, step->try.pepper, account, &step->codes);
    return error == BERTH_OK ? berth_audit(tx, &step->cause,
                                           step->try.is_first ? "totp.confirmed" : "totp.new-codes",
                                           account, NULL)
                             : error;
}

void
berth_handle_my_totp_confirm(BerthRequest *request)
{
    step_submit(step_new(request), run_own_step);
}

void
berth_handle_my_totp_remove(BerthRequest *request)
{
    Step *step = step_new(request);
    step->is_removal = true;
    step_submit(step, run_own_step);
}

static int
read_pending(BerthTx *tx, const char *hash, int64_t now_us, BerthLogin *login)
{
    BerthRows rows;
    bool is_there = false;
    bool is_enabled = false;
    berth_tx_query(tx, &rows, BERTH_SQL_LOGIN_PENDING, "si", hash, now_us);
    if (berth_rows_next(&rows)) {
        is_there = true;
        is_enabled = berth_rows_int(&rows, 3) != 0;
        g_strlcpy(login->account, berth_rows_text(&rows, 0), sizeof login->account);
        g_strlcpy(login->user_name, berth_rows_text(&rows, 1), sizeof login->user_name);
        login->method = g_intern_string(berth_rows_text(&rows, 2));
        g_snprintf(login->actor, sizeof login->actor, "user:%s", login->user_name);
    }
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK) {
        return error;
    }
    return is_there && is_enabled ? BERTH_OK : BERTH_ERR_EXPIRED;
}

static int
run_second_step(BerthTx *tx, void *data)
{
    Step *step = data;
    BerthLogin *login = step->login;
    int error = read_pending(tx, step->pending_hash, step->request->now_us, login);
    if (error != BERTH_OK) {
        return error;
    }
    step->cause.actor = login->actor;
    step->try.account = login->account;
    step->outcome = try_factor(tx, &step->try);
    if (step->outcome != BERTH_OK) {
        return commits(step->outcome);
    }
    error = berth_tx_run_one(tx, BERTH_SQL_TOKEN_DELETE, "s", step->pending_hash);
    if (error == BERTH_OK && step->try.is_first) {
        error = write_recovery_codes(tx, step->try.pepper, login->account, &login->recovery_codes);
        if (error == BERTH_OK) {
            error = berth_audit(tx, &step->cause, "totp.confirmed", login->account, NULL);
        }
    }
    return error == BERTH_OK ? berth_login_write(tx, login) : error;
}

void
berth_handle_second_step(BerthRequest *request)
{
    Step *step = step_new(request);
    step->login = berth_login_new(request, "", "password");
    step->login->is_whole = true;
    (void)berth_token_hash(berth_body_text(request->body, "pending"), step->pending_hash);
    step_submit(step, run_second_step);
}

/* Enrolment of a user whose login waits for it. */
int
berth_handle_pending_totp(BerthTx *tx, BerthRequest *request)
{
    char hash[BERTH_TOKEN_CHARS + 1] = "";
    BerthLogin *login = berth_login_new(request, "", "password");
    (void)berth_token_hash(berth_body_text(request->body, "pending"), hash);
    int error = read_pending(tx, hash, request->now_us, login);
    if (error == BERTH_OK) {
        g_strlcpy(request->actor, login->actor, sizeof request->actor);
        error = enrol(tx, request, login->account, login->user_name);
    }
    berth_login_free(login);
    return error == BERTH_ERR_EXPIRED
               ? berth_request_explain(request, error, "the login took too long; begin again")
               : error;
}

int
berth_handle_reset_totp(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    int error = berth_tx_run(tx, BERTH_SQL_RECOVERY_CLEAR, "s", request->id);
    if (error == BERTH_OK) {
        error = berth_tx_run_one(tx, BERTH_SQL_TOTP_DELETE, "s", request->id);
    }
    return error == BERTH_OK ? berth_audit(tx, &cause, "totp.reset", request->id, NULL) : error;
}

int
berth_handle_get_factor_roles(BerthTx *tx, BerthRequest *request)
{
    g_autofree char *text = NULL;
    int error = berth_tx_get_text(tx, &text, BERTH_SQL_META_GET, "s", META_ROLES);
    json_t *roles = json_array();
    g_auto(GStrv) names = g_strsplit(text != NULL ? text : "", ",", -1);
    for (char **name = names; *name != NULL; name++) {
        if (**name != '\0') {
            json_array_append_new(roles, json_string(*name));
        }
    }
    request->reply = json_pack("{s:o}", "roles", roles);
    return error == BERTH_ERR_NOT_FOUND ? BERTH_OK : error;
}

int
berth_handle_set_factor_roles(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    json_t *roles = berth_body_json(request->body, "roles");
    g_autoptr(GString) text = g_string_new(",");
    size_t i = 0;
    json_t *role = NULL;
    json_array_foreach (roles, i, role) {
        const char *name = json_string_value(role);
        if (name == NULL || berth_role_find(name) == NULL) {
            return berth_request_explain(request, BERTH_ERR_INVALID, "\"%s\" is no role",
                                         name != NULL ? name : "");
        }
        g_string_append_printf(text, "%s,", name);
    }
    int error = berth_tx_run(tx, BERTH_SQL_META_SET, "ss", META_ROLES, text->str);
    return error == BERTH_OK ? berth_audit(tx, &cause, "second-factor.roles", "site",
                                           json_pack("{s:O}", "roles", roles))
                             : error;
}
