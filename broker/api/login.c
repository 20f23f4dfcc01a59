/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logging in by a password: throttle, then whoever knows the user checks it, then a token.
 *
 *   main          throttled?  no -> hash thread
 *                             yes, and a device token came -> hash thread (lookup only)
 *   hash thread   reads the user; a local one (or none at all) costs one hash
 *   main          a source's user -> source thread (directory, PAM): it may wait for others
 *   main          berth_login_accept() or berth_login_refuse()
 *
 * A user name is throttled from the moment the attempt begins, so that many guesses at once do not
 * get more tries than one after the other; a source address only by its failures, since a whole
 * office may log in from one.  A device that the user logged in with well before is throttled by
 * its own failures alone: strangers cannot lock a user out.  An unknown user costs the same time
 * and gets the same sentence as a wrong password.
 */
#include "broker/api/login.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "broker/api/handlers.h"
#include "broker/auth/directory.h"
#include "broker/auth/pam-client.h"
#include "broker/metrics.h"

#include <string.h>

#define SECOND_US (1000LL * 1000)

static int
read_sources(BerthTx *tx, BerthLogin *login)
{
    BerthRows rows;
    const char *wanted = berth_body_text(login->request->body, "source");
    berth_tx_query(tx, &rows, BERTH_SQL_LOGIN_SOURCES, "s", wanted != NULL ? wanted : "");
    while (berth_rows_next(&rows)) {
        berth_login_add_source(login, berth_rows_text(&rows, 0), berth_rows_text(&rows, 1),
                               berth_rows_text(&rows, 2), berth_rows_text(&rows, 3));
    }
    return berth_rows_end(&rows);
}

static int
read_account(BerthTx *tx, void *data)
{
    BerthLogin *login = data;
    BerthRows rows;
    bool is_there = false;
    g_ptr_array_set_size(login->sources, 0);
    g_clear_pointer(&login->phc, g_free);
    berth_tx_query(tx, &rows, BERTH_SQL_LOGIN_ACCOUNT, "s", login->name);
    if (berth_rows_next(&rows)) {
        is_there = true;
        login->is_enabled = berth_rows_int(&rows, 3) != 0;
        if (berth_rows_is_null(&rows, 4)) {
            g_strlcpy(login->account, berth_rows_text(&rows, 0), sizeof login->account);
            login->phc = g_strdup(berth_rows_text(&rows, 2));
        } else if (berth_rows_int(&rows, 8) != 0) {
            berth_login_add_source(login, berth_rows_text(&rows, 4), berth_rows_text(&rows, 5),
                                   berth_rows_text(&rows, 6), berth_rows_text(&rows, 7));
        }
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there ? read_sources(tx, login) : error;
}

static void
verify_local(BerthLogin *login)
{
    const BerthPeople *people = login->broker->people;
    const char *password = berth_body_text(login->request->body, "password");
    const char *phc = login->phc != NULL ? login->phc : people->dummy_hash;
    int64_t begun_us = berth_monotonic_us();
    bool is_same = berth_password_verify(people->pepper, phc, password);
    berth_metric_observe_us(BERTH_METRIC_LOGIN_HASH, berth_monotonic_us() - begun_us);
    login->is_verified = is_same && login->phc != NULL && login->is_enabled;
    if (login->is_verified && berth_password_needs_rehash(people->pepper, phc, &people->cost)) {
        login->new_phc = berth_password_hash(people->pepper, password, &people->cost);
    }
    if (!login->is_verified) {
        login->error = BERTH_ERR_BAD_CREDENTIALS;
    }
}

/* Thread: hash worker. */
static void
run_look_and_hash(void *data)
{
    BerthLogin *login = data;
    login->error = berth_store_read(login->broker->store, read_account, login);
    if (login->error == BERTH_OK && login->sources->len == 0) {
        verify_local(login);
    }
}

static BerthIdentity *
ask_source(const BerthLogin *login, const BerthLoginSource *source, GError **error)
{
    const char *password = berth_body_text(login->request->body, "password");
    if (strcmp(source->kind, "pam") == 0) {
        return berth_pam_login(&login->broker->people->pam, login->name, password,
                               login->request->source, error);
    }
    if (strcmp(source->kind, "ldap") != 0) {
        berth_set_error(error, BERTH_ERR_BAD_CREDENTIALS, "this user logs in at a provider");
        return NULL;
    }
    json_auto_t *settings = json_loads(source->settings, JSON_REJECT_DUPLICATES, NULL);
    g_autoptr(BerthDirectory) directory = berth_directory_new(settings, error);
    return directory != NULL ? berth_directory_login(directory, login->name, password, error)
                             : NULL;
}

/*
 * Asks one source after the other.  That one could not be asked outweighs that another did not
 * know the user: "wrong password" must be true when it is said.  Thread: source worker.
 */
static void
run_ask_sources(void *data)
{
    BerthLogin *login = data;
    login->error = BERTH_ERR_BAD_CREDENTIALS;
    for (guint i = 0; i < login->sources->len && login->identity == NULL; i++) {
        const BerthLoginSource *source = g_ptr_array_index(login->sources, i);
        g_autoptr(GError) why = NULL;
        login->identity = ask_source(login, source, &why);
        if (login->identity != NULL) {
            g_strlcpy(login->source, source->id, sizeof login->source);
            login->source_name = g_strdup(source->name);
            login->method = strcmp(source->kind, "pam") == 0 ? "pam" : "ldap";
            login->error = BERTH_OK;
            return;
        }
        if (why->code != BERTH_ERR_BAD_CREDENTIALS) {
            login->error = BERTH_ERR_SOURCE_DOWN;
        }
        g_free(login->why);
        login->why = g_strdup_printf("%s: %s", source->name, why->message);
    }
}

static void
sources_done(void *data)
{
    BerthLogin *login = data;
    if (login->error == BERTH_OK) {
        berth_login_accept(login);
    } else {
        berth_login_refuse(login);
    }
}

static void
hash_done(void *data)
{
    BerthLogin *login = data;
    if (login->error == BERTH_OK && login->sources->len > 0) {
        int error = berth_worker_pool_submit(login->broker->people->source_workers, run_ask_sources,
                                             sources_done, login);
        if (error != BERTH_OK) {
            berth_login_drop(login, error, "too many logins wait for the directories");
        }
        return;
    }
    sources_done(login);
}

static void
start_check(BerthLogin *login)
{
    BerthPeople *people = login->broker->people;
    const char *own = login->is_known_device ? login->device_hash : login->name;
    login->user_key = g_strconcat(login->is_known_device ? "device:" : "user:", own, NULL);
    berth_throttle_fail(people->throttle, login->user_key, berth_monotonic_us());
    int error = berth_worker_pool_submit(people->hash_workers, run_look_and_hash, hash_done, login);
    if (error != BERTH_OK) {
        berth_login_drop(login, error, "too many logins at once; try again in a moment");
    }
}

static void
throttle(BerthLogin *login, int64_t wait_us)
{
    login->request->retry_after_s = (wait_us + SECOND_US - 1) / SECOND_US;
    berth_metric_add(BERTH_METRIC_LOGINS_THROTTLED, 1);
    berth_login_drop(login, BERTH_ERR_THROTTLED, "");
}

static int64_t
wait_of(const BerthLogin *login, const char *kind, const char *name)
{
    g_autofree char *key = g_strconcat(kind, name, NULL);
    return berth_throttle_wait_us(login->broker->people->throttle, key, berth_monotonic_us());
}

static int
read_device(BerthTx *tx, void *data)
{
    BerthLogin *login = data;
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_DEVICE_KNOWN, "ssi", login->name, login->device_hash,
                   login->cause.now_us - BERTH_LIMIT_KNOWN_DEVICE_US);
    login->is_known_device = berth_rows_next(&rows);
    return berth_rows_end(&rows);
}

/* Thread: hash worker. */
static void
run_look_for_device(void *data)
{
    BerthLogin *login = data;
    login->error = berth_store_read(login->broker->store, read_device, login);
}

static void
device_done(void *data)
{
    BerthLogin *login = data;
    int64_t wait_us =
        MAX(wait_of(login, "user:", login->name), wait_of(login, "", login->source_key));
    if (login->error == BERTH_OK && login->is_known_device) {
        wait_us = wait_of(login, "device:", login->device_hash);
    }
    if (wait_us > 0) {
        throttle(login, wait_us);
    } else {
        start_check(login);
    }
}

void
berth_handle_login(BerthRequest *request)
{
    BerthLogin *login =
        berth_login_new(request, berth_body_text(request->body, "user"), "password");
    int64_t wait_us =
        MAX(wait_of(login, "user:", login->name), wait_of(login, "", login->source_key));
    if (wait_us == 0) {
        start_check(login);
    } else if (login->device_hash[0] == '\0') {
        throttle(login, wait_us);
    } else if (berth_worker_pool_submit(request->broker->people->hash_workers, run_look_for_device,
                                        device_done, login) != BERTH_OK) {
        throttle(login, wait_us);
    }
}

int
berth_handle_logout(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    int error = berth_tx_run(tx, BERTH_SQL_TOKEN_DELETE, "s", request->token_hash);
    return error == BERTH_OK ? berth_audit(tx, &cause, "logout", request->account, NULL) : error;
}
