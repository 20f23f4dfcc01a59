/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hosts: let in, given limits, drained, fenced, removed.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "broker/api/objects.h"
#include "broker/broker.h"
#include "broker/host-acts.h"

int
berth_handle_add_host(BerthTx *tx, BerthRequest *request)
{
    const char *id = berth_body_text(request->body, "id");
    int error = berth_tx_run(tx, BERTH_SQL_HOST_INSERT, "ssi", id,
                             berth_body_text(request->body, "name"), request->now_us);
    return berth_object_added(tx, request, error, "host", id);
}

int
berth_handle_get_host(BerthTx *tx, BerthRequest *request)
{
    const BerthHostUsage usage = request->live->usage;
    int error = berth_object_reply(tx, request, BERTH_SQL_HOST_JSON, "host", request->id);
    if (error == BERTH_OK && request->live->has_usage) {
        json_object_set_new(request->reply, "usage",
                            json_pack("{s:I, s:I, s:I}", "cpu_pct", (json_int_t)usage.cpu_pct,
                                      "memory_used_mib", (json_int_t)usage.memory_used_mib,
                                      "disk_free_mib", (json_int_t)usage.disk_free_mib));
    }
    return error;
}

int
berth_handle_change_host(BerthTx *tx, BerthRequest *request)
{
    int error = BERTH_OK;
    json_auto_t *host = berth_object_merge(tx, request, BERTH_SQL_HOST_JSON, "host", &error);
    if (host == NULL) {
        return error;
    }
    error = berth_tx_run_one(tx, BERTH_SQL_HOST_SET, "sisii", request->id, request->match_version,
                             berth_body_text(host, "name"),
                             berth_body_int(host, "memory_overcommit_pct", 100),
                             berth_body_int(host, "vcpu_overcommit_pct", 100));
    return berth_object_changed(tx, request, error, BERTH_SQL_HOST_JSON, "host");
}

static int
reply_host(BerthTx *tx, BerthRequest *request, int error)
{
    if (error == BERTH_ERR_NOT_FOUND) {
        return berth_request_explain(request, error, "there is no host \"%s\"", request->id);
    }
    return error == BERTH_OK
               ? berth_object_reply(tx, request, BERTH_SQL_HOST_JSON, "host", request->id)
               : error;
}

int
berth_handle_drain_host(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    return reply_host(tx, request, berth_host_set_drain(tx, &cause, request->id, true));
}

int
berth_handle_undrain_host(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    return reply_host(tx, request, berth_host_set_drain(tx, &cause, request->id, false));
}

int
berth_handle_host_maintenance(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    bool is_on = berth_body_bool(request->body, "enabled", true);
    return reply_host(tx, request, berth_host_set_maintenance(tx, &cause, request->id, is_on));
}

int
berth_handle_fence_host(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    json_t *kept = NULL;
    int error = berth_host_fence(tx, &cause, request->id, &kept);
    if (error == BERTH_ERR_STATE) {
        return berth_request_explain(request, error,
                                     "only a host that is lost can be fenced; one that is still "
                                     "heard of is drained");
    }
    if (error == BERTH_OK) {
        request->reply = json_pack("{s:o}", "kept", kept);
    }
    return error;
}

/* "a-1 of anna, a-2" */
static char *
join_names(const json_t *machines)
{
    GString *text = g_string_new(NULL);
    size_t i = 0;
    json_t *machine = NULL;
    json_array_foreach (machines, i, machine) {
        const char *user = berth_body_text(machine, "user");
        if (i == 8) {
            g_string_append_printf(text, " and %zu more", json_array_size(machines) - i);
            break;
        }
        g_string_append_printf(text, "%s\"%s\"%s%s", i > 0 ? ", " : "",
                               berth_body_text(machine, "machine"), user[0] != '\0' ? " of " : "",
                               user);
    }
    return g_string_free(text, FALSE);
}

int
berth_handle_remove_host(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    json_auto_t *blocking = NULL;
    bool is_forced = berth_body_bool(request->query, "force", false);
    int error = berth_host_remove(tx, &cause, request->id, is_forced, &blocking);
    if (error != BERTH_ERR_BUSY || blocking == NULL) {
        return error;
    }
    g_autofree char *names = join_names(blocking);
    return berth_request_explain(request, BERTH_ERR_STATE,
                                 "it has %s; drain the host and wait, or, if it never comes back, "
                                 "fence it and remove it with force: what its disks hold is given "
                                 "up then",
                                 names);
}
