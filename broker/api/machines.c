/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Machines: what administrators do to one of them, and physical ones.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/api/objects.h"
#include "broker/pool-planner.h"
#include "broker/steps.h"
#include "display/transport/tcp.h"

#include <string.h>

int
berth_handle_get_machine(BerthTx *tx, BerthRequest *request)
{
    return berth_object_reply(tx, request, BERTH_SQL_MACHINE_JSON, "machine", request->id);
}

/* A refusal in words. */
static int
explain(BerthRequest *request, int error, const char *what)
{
    switch (error) {
    case BERTH_ERR_NOT_FOUND:
        return berth_request_explain(request, error, "there is no machine \"%s\"", request->id);
    case BERTH_ERR_STATE:
        return berth_request_explain(
            request, error,
            "the machine cannot be %s in its present state; one that is somebody's "
            "is logged off or recycled first",
            what);
    default:
        return error;
    }
}

/* Machines with data go only with force, and the answer says whose it is. */
static int
end_machine(BerthTx *tx, BerthRequest *request, BerthMachineEvent event, bool is_forced,
            const char *what)
{
    BerthCause cause = berth_request_cause(request);
    int error = BERTH_OK;
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_MACHINE_JSON, "s", request->id);
    const json_t *machine = json_array_get(rows, 0);
    if (error != BERTH_OK || machine == NULL) {
        return explain(request, error != BERTH_OK ? error : BERTH_ERR_NOT_FOUND, what);
    }
    if (!berth_body_bool(machine, "keep", false)) {
        error = berth_machine_step(tx, &cause, request->id, event, NULL, "administrator");
        return explain(request, error, what);
    }
    if (!is_forced) {
        const char *user = berth_body_text(machine, "user");
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "machine \"%s\" holds data of \"%s\"; it is %s only with "
                                     "force, and the data is gone then",
                                     berth_body_text(machine, "name"), user != NULL ? user : "",
                                     what);
    }
    return explain(request, berth_machine_discard(tx, &cause, request->id, event, "administrator"),
                   what);
}

int
berth_handle_recycle(BerthTx *tx, BerthRequest *request)
{
    return end_machine(tx, request, BERTH_MACHINE_EVENT_RECYCLE,
                       berth_body_bool(request->body, "force", false), "recycled");
}

/* An assigned machine is recycled first: its user is put out by that. */
int
berth_handle_remove_machine(BerthTx *tx, BerthRequest *request)
{
    return end_machine(tx, request, BERTH_MACHINE_EVENT_DELETE,
                       berth_body_bool(request->query, "force", false), "deleted");
}

static int
set_hold(BerthTx *tx, BerthRequest *request, bool is_held)
{
    BerthCause cause = berth_request_cause(request);
    int error = berth_tx_run_one(tx, BERTH_SQL_MACHINE_SET_HOLD, "sb", request->id, (int)is_held);
    if (error == BERTH_OK) {
        error =
            berth_audit(tx, &cause, is_held ? "machine.hold" : "machine.unhold", request->id, NULL);
    }
    return explain(request, error, "held");
}

int
berth_handle_hold_machine(BerthTx *tx, BerthRequest *request)
{
    return set_hold(tx, request, true);
}

int
berth_handle_release_machine(BerthTx *tx, BerthRequest *request)
{
    return set_hold(tx, request, false);
}

static int
set_power(BerthTx *tx, BerthRequest *request, BerthPower power, const char *what)
{
    BerthCause cause = berth_request_cause(request);
    return explain(
        request,
        berth_machine_set_power(tx, &cause, request->id, berth_power_name(power), "administrator"),
        what);
}

int
berth_handle_start_machine(BerthTx *tx, BerthRequest *request)
{
    return set_power(tx, request, BERTH_POWER_ON, "started");
}

int
berth_handle_stop_machine(BerthTx *tx, BerthRequest *request)
{
    return set_power(tx, request, BERTH_POWER_OFF, "stopped");
}

/* The pool and the host that the body names. */
static int
find_places(BerthTx *tx, BerthRequest *request, char pool[BERTH_ID_HEX_CHARS + 1],
            char host[BERTH_ID_HEX_CHARS + 1])
{
    int error = berth_request_find(tx, request, BERTH_SQL_FIND_POOL, "pool", pool);
    if (error == BERTH_OK) {
        error = berth_request_find(tx, request, BERTH_SQL_FIND_HOST, "host", host);
    }
    if (error != BERTH_OK) {
        return error;
    }
    g_autofree char *path = g_strconcat("/pools/", pool, NULL);
    error = berth_rights_check(tx, request->account, BERTH_PERMIT_POOL_WRITE, path);
    return error == BERTH_ERR_FORBIDDEN
               ? berth_request_explain(request, error,
                                       "this needs the permission \"pool-write\" on \"%s\"", path)
               : error;
}

static int
check_physical(BerthTx *tx, BerthRequest *request, const char *pool)
{
    int error = BERTH_OK;
    BerthAddress address;
    const char *text = berth_body_text(request->body, "address");
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_POOL_JSON, "s", pool);
    const char *kind = berth_body_text(json_array_get(rows, 0), "kind");
    if (error == BERTH_OK && g_strcmp0(kind, "physical") != 0) {
        return berth_request_explain(request, BERTH_ERR_INVALID,
                                     "machines are added by hand to physical pools only; a %s pool "
                                     "makes its own",
                                     kind);
    }
    if (error == BERTH_OK && (berth_address_parse(text, &address) != BERTH_OK ||
                              berth_address_get_port(&address) == 0)) {
        return berth_request_explain(request, BERTH_ERR_INVALID,
                                     "\"address\" must be ip:port of an RFB server, not \"%s\"",
                                     text);
    }
    return error;
}

static int
insert_physical(BerthTx *tx, BerthRequest *request, const char *pool, const char *host,
                const char *id)
{
    int64_t number = 0;
    BerthCause cause = berth_request_cause(request);
    int error = berth_tx_get_int(tx, &number, BERTH_SQL_POOL_TAKE_PLACE, "s", pool);
    if (error == BERTH_ERR_NOT_FOUND) {
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "the pool has as many machines as its \"size\" says");
    }
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_MACHINE_INSERT, "sssssiibissisi", id, pool, host, NULL,
                             berth_body_text(request->body, "name"), (int64_t)0, (int64_t)0, 0,
                             request->now_us, "on", berth_body_text(request->body, "address"),
                             berth_machine_deadline_us(BERTH_MACHINE_PLANNED, 0, request->now_us),
                             NULL, (int64_t)0);
    }
    if (error == BERTH_ERR_EXISTS) {
        return error;
    }
    return error == BERTH_OK ? berth_machine_step(tx, &cause, id, BERTH_MACHINE_EVENT_PLACED, NULL,
                                                  "administrator")
                             : error;
}

int
berth_handle_add_machine(BerthTx *tx, BerthRequest *request)
{
    char id[BERTH_ID_HEX_CHARS + 1];
    char pool[BERTH_ID_HEX_CHARS + 1];
    char host[BERTH_ID_HEX_CHARS + 1];
    int error = find_places(tx, request, pool, host);
    if (error == BERTH_OK) {
        error = check_physical(tx, request, pool);
    }
    if (error != BERTH_OK) {
        return error;
    }
    berth_id_random_hex(id);
    error = insert_physical(tx, request, pool, host, id);
    return berth_object_added(tx, request, error, "machine", id);
}
