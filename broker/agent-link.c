/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An inventory goes into the store when it tells something new, and again when rows of its host
 * were changed by somebody else; one job at a time, always with the newest.  Most messages are
 * "same" and end in memory.
 *
 * The generation of a desired state counts up from the time at the start of the link, so that it
 * grows across restarts of the broker without being stored.  An agent that polls with a generation
 * that this link did not give is answered at once.
 */
#include "broker/agent-link.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/limits.h"
#include "broker/broker.h"
#include "broker/host-parts.h"
#include "broker/host-sync.h"
#include "broker/host-wish.h"
#include "broker/metrics.h"
#include "broker/site-clock.h"
#include "display/transport/framed.h"

#include <string.h>

/* Well within the silence after which an agent hangs up. */
#define HEARTBEAT_US (8LL * 1000 * 1000)
/* What the audit log did not tell of is found by looking again so often. */
#define LOOK_AGAIN_US (60LL * 1000 * 1000)
/* Far beyond any clock, and room to count on. */
#define MAX_GENERATION (INT64_MAX / 2)
#define CLOCK_SLACK_US (1000LL * 1000)
/* The year 2255: what a host may say that it is. */
#define CLOCK_MAX_US (9000LL * 1000 * 1000 * 1000 * 1000)

struct BerthAgentLink {
    BerthBroker *broker;
    BerthFramed *framed;
    const BerthAgentLinkCallbacks *callbacks;
    void *user_data;
    BerthId certified;                 /* the id in its certificate */
    char host[BERTH_ID_HEX_CHARS + 1]; /* "" before the welcome */
    bool is_hello_received;
    /* messages: a bucket that fills by time */
    double n_allowed;
    int64_t counted_us;
    /* what the host should run */
    BerthHostWish *wish;
    bool is_polling;
    bool is_wish_old;    /* rows were changed since it was read */
    bool has_own_change; /* by reports of the host itself: read together with what follows */
    int64_t polled_us, read_us;
    /* what it runs */
    BerthInventory *inventory; /* the last, NULL before the first */
    BerthHostUsage usage;
    bool is_apply_wanted;
    bool
        are_parts_new; /* the store does not know the inventory's images, templates, tasks, disks */
    bool is_applying;
    bool is_applied; /* once at least */
    bool has_clock;
    bool is_clock_new; /* the store does not know it */
    int64_t clock_offset_us;
    int n_strangers;
    int n_jobs;    /* writes under way that know this link */
    bool is_freed; /* the owner is gone, the last job frees it */
};

typedef struct {
    BerthAgentLink *link;
    BerthCause cause;
    char actor[BERTH_ID_HEX_CHARS + 8];
    char host[BERTH_ID_HEX_CHARS + 1];
    char holder[BERTH_ID_HEX_CHARS + 1];
    BerthHello hello;
    BerthInventory *inventory;
    GHashTable *living;
    bool has_parts; /* they are to be written, too */
    bool has_clock;
    int64_t clock_offset_us;
    int64_t started_us; /* monotonic */
    const BerthSigningKey *signing_key;
    BerthSyncResult result;
} Job;

static void
destroy(BerthAgentLink *link)
{
    berth_host_wish_free(link->wish);
    berth_inventory_unref(link->inventory);
    g_free(link);
}

static Job *
job_new(BerthAgentLink *link, const char *host)
{
    Job *job = g_new0(Job, 1);
    job->link = link;
    g_strlcpy(job->host, host, sizeof job->host);
    g_strlcpy(job->holder, link->broker->holder, sizeof job->holder);
    g_snprintf(job->actor, sizeof job->actor, "host:%s", host);
    job->cause = (BerthCause){ .now_us = berth_site_clock_now_us(), .actor = job->actor };
    job->started_us = berth_monotonic_us();
    job->signing_key = link->broker->signing_key;
    link->n_jobs++;
    return job;
}

/* Ends a job; returns its link, or NULL if that is gone. */
static BerthAgentLink *
job_free(Job *job)
{
    BerthAgentLink *link = job->link;
    berth_inventory_unref(job->inventory);
    g_clear_pointer(&job->living, g_hash_table_unref);
    g_free(job);
    link->n_jobs--;
    if (!link->is_freed) {
        return link;
    }
    if (link->n_jobs == 0) {
        destroy(link);
    }
    return NULL;
}

static void
submit(BerthAgentLink *link, BerthTxFunc run, BerthStoreDone done, Job *job)
{
    int error = berth_store_submit(link->broker->store, run, done, job);
    if (error != BERTH_OK) {
        done(error, job);
    }
}

static void
send_text(BerthAgentLink *link, const char *text)
{
    int error = berth_framed_send(link->framed, text, strlen(text));
    if (error != BERTH_OK) {
        berth_log_warning("agent", "a message to host \"%s\" was not sent: %s", link->host,
                          berth_error_sentence(error));
    }
}

static void
send_json(BerthAgentLink *link, json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    if (text != NULL) {
        send_text(link, text);
    }
    free(text);
}

static void
refuse(BerthAgentLink *link, int code, const char *detail)
{
    berth_log_warning("agent", "an agent is refused: %s", detail);
    send_json(link, json_pack("{s:s, s:s, s:s}", "type", "refused", "code", berth_error_name(code),
                              "detail", detail));
    berth_framed_close(link->framed);
}

static void
welcome(BerthAgentLink *link)
{
    char key[BERTH_TICKET_KEY_HEX_CHARS + 1];
    berth_ticket_key_format(&link->broker->ticket_key, key);
    send_json(link, json_pack("{s:s, s:s, s:I, s:I, s:b, s:[s]}", "type", "welcome", "cluster",
                              link->broker->cluster, "cluster_epoch",
                              (json_int_t)link->broker->cluster_epoch, "lease_s",
                              (json_int_t)(BERTH_AGENT_LOST_US / (1000 * 1000)), "safe_mode",
                              (int)link->broker->is_safe_mode, "ticket_keys", key));
}

/* The store's trouble is nothing against the host: it dials again. */
static bool
is_of_store(int error)
{
    return error == BERTH_ERR_STORE_DOWN || error == BERTH_ERR_BUSY || error == BERTH_ERR_AGAIN ||
           error == BERTH_ERR_DISK_FULL || error == BERTH_ERR_IO || error == BERTH_ERR_CLOSED;
}

static int
run_hello(BerthTx *tx, void *data)
{
    Job *job = data;
    return berth_host_hello(tx, &job->cause, &job->hello, job->holder);
}

static void
hello_done(int error, void *data)
{
    Job *job = data;
    BerthHello hello = job->hello;
    BerthAgentLink *link = job_free(job);
    if (link == NULL) {
        return;
    }
    if (is_of_store(error)) {
        berth_log_warning("agent", "host \"%s\" has to dial again: %s", hello.host,
                          berth_error_sentence(error));
        berth_framed_close(link->framed);
        return;
    }
    if (error != BERTH_OK) {
        g_autofree char *detail =
            g_strdup_printf("host \"%s\": %s", hello.host, berth_error_sentence(error));
        refuse(link, error, detail);
        return;
    }
    g_strlcpy(link->host, hello.host, sizeof link->host);
    berth_log_info("agent", "host \"%s\" is here, display at %s, accel %s", hello.host,
                   hello.address, hello.accel);
    if (hello.cluster_epoch > link->broker->cluster_epoch) {
        link->callbacks->outdated(link, hello.cluster_epoch, link->user_data);
    }
    welcome(link);
    link->callbacks->welcomed(link, link->user_data);
    berth_broker_changed(link->broker);
}

static int
on_hello(BerthAgentLink *link, const json_t *message, GError **error)
{
    BerthHello hello;
    BerthId id;
    if (link->is_hello_received || !berth_hello_from_json(message, &hello, error)) {
        refuse(link, BERTH_ERR_PROTOCOL,
               error != NULL && *error != NULL ? (*error)->message : "a second hello");
        return BERTH_OK;
    }
    link->is_hello_received = true;
    if (berth_id_parse(hello.host, &id) != BERTH_OK || !berth_id_equal(&id, &link->certified)) {
        refuse(link, BERTH_ERR_UNTRUSTED, "the certificate is another host's");
        return BERTH_OK;
    }
    Job *job = job_new(link, hello.host);
    job->hello = hello;
    submit(link, run_hello, hello_done, job);
    return BERTH_OK;
}

static int
on_poll(BerthAgentLink *link, const json_t *message, GError **error)
{
    const json_t *value = json_object_get(message, "generation");
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > MAX_GENERATION) {
        berth_set_error(error, BERTH_ERR_PROTOCOL, "a poll without a generation that can be");
        return BERTH_ERR_PROTOCOL;
    }
    int64_t generation = json_integer_value(value);
    link->is_polling = true;
    link->polled_us = berth_monotonic_us();
    berth_host_wish_ack(link->wish, generation);
    if (generation != berth_host_wish_get_generation(link->wish)) {
        berth_host_wish_forget(link->wish);
        link->is_wish_old = true;
    }
    berth_agent_link_update(link);
    return BERTH_OK;
}

static int
run_inventory(BerthTx *tx, void *data)
{
    Job *job = data;
    int error = berth_host_apply_inventory(tx, &job->cause, job->host, job->inventory, job->living,
                                           &job->result);
    if (error == BERTH_OK && job->has_parts) {
        error = berth_host_apply_parts(tx, &job->cause, job->host, &job->inventory->parts,
                                       job->signing_key, &job->result.n_steps);
    }
    if (error == BERTH_OK && job->has_clock) {
        error =
            berth_tx_run_one(tx, BERTH_SQL_HOST_SET_CLOCK, "si", job->host, job->clock_offset_us);
    }
    return error;
}

static void maybe_apply(BerthAgentLink *link);

static void
tell_ready_sessions(BerthBroker *broker, const BerthInventory *inventory)
{
    for (guint i = 0; broker->connects != NULL && i < inventory->sessions->len; i++) {
        const BerthSessionReport *report =
            &g_array_index(inventory->sessions, BerthSessionReport, i);
        if (report->session_key[0] != '\0') {
            berth_connects_session_ready(broker->connects, report->id);
        }
    }
}

static void
inventory_done(int error, void *data)
{
    Job *job = data;
    BerthBroker *broker = job->link->broker;
    Job lost = error != BERTH_OK ? *job : (Job){ 0 };
    BerthSyncResult result = error == BERTH_OK ? job->result : (BerthSyncResult){ 0 };
    berth_metric_observe_us(BERTH_METRIC_AGENT_INVENTORY, berth_monotonic_us() - job->started_us);
    if (error != BERTH_OK) {
        berth_log_error("agent", "the inventory of host \"%s\" was not taken: %s", job->host,
                        berth_error_sentence(error));
    }
    if (result.n_steps > 0) {
        tell_ready_sessions(broker, job->inventory);
        berth_broker_changed(broker);
    }
    BerthAgentLink *link = job_free(job);
    if (link == NULL) {
        return;
    }
    link->is_applying = false;
    link->is_clock_new |= lost.has_clock;
    link->are_parts_new |= lost.has_parts;
    if (link->is_apply_wanted) {
        maybe_apply(link);
    }
    link->is_apply_wanted = link->is_apply_wanted || result.is_pending || error != BERTH_OK;
    if (error == BERTH_OK) {
        link->n_strangers = result.n_strangers;
        link->is_applied = true;
        berth_agent_link_update(link);
    }
}

static void
maybe_apply(BerthAgentLink *link)
{
    if (link->is_applying || !link->is_apply_wanted || link->inventory == NULL) {
        return;
    }
    Job *job = job_new(link, link->host);
    job->inventory = berth_inventory_ref(link->inventory);
    job->living = berth_host_wish_ref_living(link->wish);
    job->has_clock = link->is_clock_new;
    job->clock_offset_us = link->clock_offset_us;
    link->is_clock_new = false;
    job->has_parts = link->are_parts_new;
    link->are_parts_new = false;
    link->is_apply_wanted = false;
    link->is_applying = true;
    submit(link, run_inventory, inventory_done, job);
}

/* What may ride on an inventory and on "same". */
static void
read_riders(BerthAgentLink *link, const json_t *message)
{
    const json_t *clock_us = json_object_get(message, "clock_us");
    (void)berth_host_usage_from_json(message, &link->usage);
    if (!json_is_integer(clock_us) || json_integer_value(clock_us) < 0 ||
        json_integer_value(clock_us) > CLOCK_MAX_US) {
        return;
    }
    int64_t offset_us = json_integer_value(clock_us) - berth_site_clock_now_us();
    if (!link->has_clock || ABS(offset_us - link->clock_offset_us) > CLOCK_SLACK_US) {
        link->has_clock = true;
        link->is_clock_new = true;
        link->clock_offset_us = offset_us;
        link->is_apply_wanted = true;
    }
}

static int
on_inventory(BerthAgentLink *link, const json_t *message, GError **error)
{
    BerthInventory *inventory = berth_inventory_new_from_json(message, error);
    if (inventory == NULL) {
        return BERTH_ERR_PROTOCOL;
    }
    if (!berth_inventory_is_same(link->inventory, inventory)) {
        link->is_apply_wanted = true;
    }
    if (link->inventory == NULL ||
        !berth_inventory_parts_equal(&link->inventory->parts, &inventory->parts)) {
        link->are_parts_new = true;
        link->is_apply_wanted = true;
    }
    berth_inventory_unref(link->inventory);
    link->inventory = inventory;
    read_riders(link, message);
    maybe_apply(link);
    return BERTH_OK;
}

static int
on_same(BerthAgentLink *link, const json_t *message, GError **error)
{
    const json_t *serial = json_object_get(message, "serial");
    if (!json_is_integer(serial) || link->inventory == NULL ||
        json_integer_value(serial) != link->inventory->serial) {
        berth_set_error(error, BERTH_ERR_PROTOCOL, "\"same\" as an inventory that never came");
        return BERTH_ERR_PROTOCOL;
    }
    read_riders(link, message);
    maybe_apply(link);
    return BERTH_OK;
}

static int
on_ping(BerthAgentLink *link, const json_t *message, GError **error)
{
    send_text(link, "{\"type\":\"pong\"}");
    maybe_apply(link);
    return BERTH_OK;
}

static int
on_pong(BerthAgentLink *link, const json_t *message, GError **error)
{
    return BERTH_OK;
}

static const struct {
    const char *type;
    bool needs_welcome;
    int (*handle)(BerthAgentLink *link, const json_t *message, GError **error);
} messages[] = {
    { "hello", false, on_hello }, { "poll", true, on_poll },  { "inventory", true, on_inventory },
    { "same", true, on_same },    { "ping", false, on_ping }, { "pong", false, on_pong },
};

static int
dispatch(BerthAgentLink *link, const json_t *message, GError **error)
{
    const char *type = json_string_value(json_object_get(message, "type"));
    for (size_t i = 0; type != NULL && i < G_N_ELEMENTS(messages); i++) {
        if (strcmp(type, messages[i].type) != 0) {
            continue;
        }
        if (messages[i].needs_welcome && link->host[0] == '\0') {
            berth_set_error(error, BERTH_ERR_STATE, "\"%s\" before the welcome", type);
            return BERTH_ERR_STATE;
        }
        return messages[i].handle(link, message, error);
    }
    berth_set_error(error, BERTH_ERR_PROTOCOL, "a message of type \"%.32s\"",
                    type != NULL ? type : "");
    return BERTH_ERR_PROTOCOL;
}

/* Whether the agent keeps to the number of messages that a host may need. */
static bool
is_calm(BerthAgentLink *link)
{
    int64_t now_us = berth_monotonic_us();
    double n_new = (double)(now_us - link->counted_us) * BERTH_LIMIT_AGENT_MESSAGES_PER_S / 1e6;
    link->counted_us = now_us;
    link->n_allowed = MIN(link->n_allowed + n_new, BERTH_LIMIT_AGENT_MESSAGES_AT_ONCE);
    link->n_allowed -= 1;
    return link->n_allowed >= 0;
}

static int
on_frame(BerthFramed *framed, const uint8_t *data, size_t len, void *user_data)
{
    BerthAgentLink *link = user_data;
    g_autoptr(GError) error = NULL;
    json_error_t why;
    if (!is_calm(link)) {
        berth_log_warning("agent", "host \"%s\" sends more than %d messages a second", link->host,
                          BERTH_LIMIT_AGENT_MESSAGES_PER_S);
        return BERTH_ERR_THROTTLED;
    }
    json_auto_t *message = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, &why);
    if (message == NULL) {
        berth_log_warning("agent", "host \"%s\" sent no JSON: %s", link->host, why.text);
        return BERTH_ERR_PROTOCOL;
    }
    link->callbacks->heard(link, link->user_data);
    int result = dispatch(link, message, &error);
    if (result != BERTH_OK) {
        berth_log_warning("agent", "host \"%s\" breaks the protocol: %s", link->host,
                          error != NULL ? error->message : berth_error_sentence(result));
    }
    return result;
}

static void
on_open(BerthFramed *framed, BerthTlsStream *stream, void *user_data)
{
    BerthAgentLink *link = user_data;
    if (berth_tls_stream_get_peer_host_id(stream, &link->certified) != BERTH_OK) {
        refuse(link, BERTH_ERR_UNTRUSTED, "the certificate names no host");
    }
}

static void
on_closed(BerthFramed *framed, int code, const char *text, void *user_data)
{
    BerthAgentLink *link = user_data;
    berth_log_info("agent", "the link to host \"%s\" is closed: %s", link->host,
                   text != NULL ? text : berth_error_sentence(code));
    link->callbacks->closed(link, link->user_data);
}

static const BerthFramedCallbacks framed_callbacks = {
    .open = on_open,
    .frame = on_frame,
    .closed = on_closed,
};

BerthAgentLink *
berth_agent_link_new(BerthBroker *broker, BerthSocketHub *hub, BerthTlsStream *stream,
                     const BerthAgentLinkCallbacks *callbacks, void *user_data)
{
    BerthAgentLink *link = g_new0(BerthAgentLink, 1);
    link->broker = broker;
    link->callbacks = callbacks;
    link->user_data = user_data;
    link->wish = berth_host_wish_new(berth_site_clock_now_us());
    link->is_wish_old = true;
    link->counted_us = berth_monotonic_us();
    link->n_allowed = BERTH_LIMIT_AGENT_MESSAGES_AT_ONCE;
    link->framed = berth_framed_new_in_hub(hub, stream, BERTH_LIMIT_CONTROL_MESSAGE_BYTES,
                                           BERTH_AGENT_SILENCE_US, &framed_callbacks, link);
    return link;
}

void
berth_agent_link_free(BerthAgentLink *link)
{
    if (link == NULL) {
        return;
    }
    berth_framed_free(link->framed);
    link->framed = NULL;
    link->is_freed = true;
    if (link->n_jobs == 0) {
        destroy(link);
    }
}

const char *
berth_agent_link_get_host(const BerthAgentLink *link)
{
    return link->host;
}

typedef struct {
    const char *host;
    json_t *desired;
} DesiredQuery;

static int
read_desired(BerthTx *tx, void *data)
{
    DesiredQuery *query = data;
    return berth_host_desired(tx, query->host, &query->desired);
}

/* Reads the rows, and tells the agent if they ask for something else than it was told last. */
static bool
tell_wish(BerthAgentLink *link)
{
    DesiredQuery query = { .host = link->host };
    int error = berth_store_read_promptly(link->broker->store, read_desired, &query);
    if (error != BERTH_OK) {
        berth_log_error("agent", "the desired state of host \"%s\" cannot be read: %s", link->host,
                        berth_error_sentence(error));
        return false;
    }
    json_auto_t *desired = query.desired;
    if (link->broker->is_safe_mode) {
        berth_desired_make_safe(desired, link->inventory);
    }
    link->is_wish_old = false;
    link->has_own_change = false;
    link->read_us = berth_monotonic_us();
    g_autofree char *message = berth_host_wish_offer(link->wish, desired);
    if (message != NULL) {
        send_text(link, message);
    }
    return message != NULL;
}

bool
berth_agent_link_update(BerthAgentLink *link)
{
    int64_t now_us = berth_monotonic_us();
    bool is_late = now_us - link->polled_us >= HEARTBEAT_US;
    if (!link->is_polling || !link->is_applied) {
        return false;
    }
    bool is_read = link->is_wish_old || now_us - link->read_us >= LOOK_AGAIN_US;
    if (is_read && tell_wish(link)) {
        link->is_polling = false;
    } else if (is_late) {
        link->is_polling = false;
        send_json(link, json_pack("{s:s, s:I}", "type", "same", "generation",
                                  (json_int_t)berth_host_wish_get_generation(link->wish)));
    }
    return is_read;
}

void
berth_agent_link_rows_changed(BerthAgentLink *link, bool is_own)
{
    link->has_own_change = link->has_own_change || is_own;
    link->is_wish_old = link->is_wish_old || !is_own;
    link->is_apply_wanted = link->is_apply_wanted || !is_own;
}

void
berth_agent_link_end_patience(BerthAgentLink *link)
{
    link->is_wish_old = link->is_wish_old || link->has_own_change;
}

BerthInventory *
berth_agent_link_get_inventory(const BerthAgentLink *link)
{
    return link->inventory;
}

BerthHostUsage
berth_agent_link_get_usage(const BerthAgentLink *link)
{
    return link->usage;
}

int
berth_agent_link_n_strangers(const BerthAgentLink *link)
{
    return link->n_strangers;
}
