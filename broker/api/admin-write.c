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

/* JSON text of an object of a body, "{}" if it was not given; to be freed with g_free(). */
static char *
dup_json(const json_t *json)
{
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    char *copy = g_strdup(text != NULL ? text : "{}");
    free(text);
    return copy;
}

int
berth_handle_add_image(BerthTx *tx, BerthRequest *request)
{
    char id[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *manifest = dup_json(berth_body_json(request->body, "manifest"));
    if (strlen(manifest) > BERTH_LIMIT_MANIFEST_BYTES) {
        return berth_request_explain(request, BERTH_ERR_TOO_LARGE,
                                     "\"manifest\" has %zu bytes, at most %u are allowed",
                                     strlen(manifest), BERTH_LIMIT_MANIFEST_BYTES);
    }
    berth_id_random_hex(id);
    int error = berth_tx_run(tx, BERTH_SQL_IMAGE_INSERT, "sssi", id,
                             berth_body_text(request->body, "name"), manifest, request->now_us);
    return finish_add(tx, request, error, "image.added", id);
}

static int64_t
choose_number(int64_t value, const json_t *manifest, const char *key, int64_t min, int64_t max,
              int64_t fallback)
{
    int64_t wanted = json_integer_value(json_object_get(manifest, key));
    if (value != 0) {
        return value;
    }
    return wanted >= min && wanted <= max ? wanted : fallback;
}

typedef struct {
    int64_t vcpus;
    int64_t memory_mib;
} Size;

/* What the request leaves out is as the image's manifest says. */
static int
read_size(BerthTx *tx, const char *image, const json_t *body, Size *ret)
{
    g_autofree char *text = NULL;
    int error = berth_tx_get_text(tx, &text, BERTH_SQL_IMAGE_MANIFEST, "s", image);
    if (error == BERTH_OK) {
        json_auto_t *manifest = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        ret->vcpus = choose_number(berth_body_int(body, "vcpus", 0), manifest, "vcpus", 1,
                                   BERTH_MAX_VCPUS, BERTH_DEFAULT_VCPUS);
        ret->memory_mib =
            choose_number(berth_body_int(body, "memory_mib", 0), manifest, "memory_mib",
                          BERTH_MIN_MEMORY_MIB, BERTH_MAX_MEMORY_MIB, BERTH_DEFAULT_MEMORY_MIB);
    }
    return error;
}

int
berth_handle_add_pool(BerthTx *tx, BerthRequest *request)
{
    const json_t *body = request->body;
    char id[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *image = NULL;
    g_autofree char *policy_text = dup_json(berth_body_json(body, "policy"));
    g_autoptr(GError) why = NULL;
    BerthPolicyRule policy;
    Size size = { 0 };
    if (!berth_policy_rule_from_text(policy_text, &policy, &why)) {
        return berth_request_explain(request, why->code, "%s", why->message);
    }
    int error =
        berth_tx_get_text(tx, &image, BERTH_SQL_IMAGE_BY_NAME, "s", berth_body_text(body, "image"));
    if (error == BERTH_ERR_NOT_FOUND) {
        return berth_request_explain(request, error, "there is no image \"%s\"",
                                     berth_body_text(body, "image"));
    }
    if (error == BERTH_OK) {
        error = read_size(tx, image, body, &size);
    }
    berth_id_random_hex(id);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_POOL_INSERT, "sssiiiibsii", id,
                             berth_body_text(body, "name"), image, berth_body_int(body, "size", 0),
                             berth_body_int(body, "spares_hot", 1), size.vcpus, size.memory_mib,
                             (int)berth_body_bool(body, "template", false), policy_text,
                             berth_body_int(body, "logoff_after_s", 0), request->now_us);
    }
    return finish_add(tx, request, error, "pool.added", id);
}

int
berth_handle_resize_pool(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    int64_t size = berth_body_int(request->body, "size", 0);
    int64_t spares_hot = berth_body_int(request->body, "spares_hot", 0);
    int is_enabled = berth_body_bool(request->body, "enabled", true);
    int error = berth_tx_run_one(tx, BERTH_SQL_POOL_RESIZE, "siib", request->id, size, spares_hot,
                                 is_enabled);
    if (error == BERTH_OK) {
        error = berth_audit(tx, &cause, "pool.changed", request->id,
                            json_pack("{s:I, s:I, s:b}", "size", (json_int_t)size, "spares_hot",
                                      (json_int_t)spares_hot, "enabled", is_enabled));
    }
    return error;
}

int
berth_handle_add_host(BerthTx *tx, BerthRequest *request)
{
    const char *id = berth_body_text(request->body, "id");
    int error = berth_tx_run(tx, BERTH_SQL_HOST_INSERT, "ssi", id,
                             berth_body_text(request->body, "name"), request->now_us);
    return finish_add(tx, request, error, "host.added", id);
}

int
berth_handle_recycle(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    return berth_machine_step(tx, &cause, request->id, BERTH_MACHINE_EVENT_RECYCLE, NULL,
                              "logged-off");
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
