/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/broker.h"
#include "broker/steps.h"
#include "policies/policy-decision.h"

#include <string.h>

/* The end of every "add": the audit row, and the new thing's id as the answer. */
static int
finish_add(BerthTx *tx, BerthRequest *request, int error, const char *kind, const char *id)
{
    BerthCause cause = berth_request_cause(request);
    const char *name = berth_body_text(request->body, "name");
    if (error == BERTH_ERR_EXISTS) {
        return berth_request_explain(request, error, "there is a \"%s\" already", name);
    }
    if (error != BERTH_OK) {
        return error;
    }
    request->reply = json_pack("{s:s, s:s}", "id", id, "name", name);
    return berth_audit(tx, &cause, kind, id, json_pack("{s:s}", "name", name));
}

typedef struct {
    BerthRequest *request;
    char *phc;
} NewUser;

static void
run_hash(void *data)
{
    NewUser *user = data;
    const BerthPeople *people = user->request->broker->people;
    user->phc = berth_password_hash(
        people->pepper, berth_body_text(user->request->body, "password"), &people->cost);
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
    const NewUser *user = data;
    BerthRequest *request = user->request;
    char id[BERTH_ID_HEX_CHARS + 1];
    berth_id_random_hex(id);
    int error = berth_tx_run(tx, BERTH_SQL_ACCOUNT_INSERT, "sssi", id,
                             berth_body_text(request->body, "name"), user->phc, request->now_us);
    if (error == BERTH_OK && berth_body_bool(request->body, "admin", false)) {
        error = grant_site_admin(tx, request, id);
    }
    return finish_add(tx, request, error, "user.added", id);
}

static void
add_user_done(int error, void *data)
{
    NewUser *user = data;
    BerthRequest *request = user->request;
    if (error != BERTH_OK) {
        g_autofree char *detail = g_steal_pointer(&request->detail);
        berth_request_fail(request, error, "%s", detail != NULL ? detail : "");
    } else {
        berth_request_reply(request, 201, g_steal_pointer(&request->reply));
    }
    g_free(user->phc);
    g_free(user);
}

static void
hash_done(void *data)
{
    NewUser *user = data;
    int error = user->phc == NULL ? BERTH_ERR_NO_MEMORY
                                  : berth_store_submit(user->request->broker->store, run_add_user,
                                                       add_user_done, user);
    if (error != BERTH_OK) {
        add_user_done(error, user);
    }
}

void
berth_handle_add_user(BerthRequest *request)
{
    g_autoptr(GError) error = NULL;
    if (!berth_password_rules_check(request->broker->people->rules,
                                    berth_body_text(request->body, "name"),
                                    berth_body_text(request->body, "password"), &error)) {
        berth_request_fail(request, error->code, "%s", error->message);
        return;
    }
    NewUser *user = g_new0(NewUser, 1);
    user->request = request;
    int code =
        berth_worker_pool_submit(request->broker->people->hash_workers, run_hash, hash_done, user);
    if (code != BERTH_OK) {
        add_user_done(code, user);
    }
}

int
berth_handle_disconnect(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    return berth_session_disconnect(tx, &cause, request->id);
}

int
berth_handle_logoff(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    return berth_session_logoff(tx, &cause, request->id, "logged-off");
}
