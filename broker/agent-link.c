/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The generation of a desired state counts up from the wall clock at the start of the link, so
 * that it grows across restarts of the broker without being stored.  An agent that polls with a
 * generation that this link did not give is answered at once.
 */
#include "broker/agent-link.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/limits.h"
#include "broker/broker.h"
#include "broker/host-sync.h"
#include "broker/site-clock.h"
#include "display/transport/framed.h"

#include <string.h>

#define HEARTBEAT_US (20LL * 1000 * 1000)
/* Far beyond any clock, and room to count on. */
#define MAX_GENERATION (INT64_MAX / 2)

struct BerthAgentLink {
    BerthBroker *broker;
    BerthFramed *framed;
    const BerthAgentLinkCallbacks *callbacks;
    void *user_data;
    BerthId certified;                 /* the id in its certificate */
    char host[BERTH_ID_HEX_CHARS + 1]; /* "" before the welcome */
    bool is_hello_received;
    int64_t version; /* of the protocol that the agent speaks */
    bool is_polling;
    int64_t polled_us; /* monotonic */
    int64_t polled_generation;
    int64_t generation; /* of what was sent last */
    char *sent;         /* the content of that, without the generation */
    int n_jobs;         /* writes under way that know this link */
    bool is_freed;      /* the owner is gone, the last job frees it */
};

typedef struct {
    BerthAgentLink *link;
    BerthCause cause;
    char actor[BERTH_ID_HEX_CHARS + 8];
    char host[BERTH_ID_HEX_CHARS + 1];
    BerthHello hello;
    BerthInventory *inventory;
    int n_steps;
} Job;

static void
destroy(BerthAgentLink *link)
{
    g_free(link->sent);
    g_free(link);
}

static Job *
job_new(BerthAgentLink *link, const char *host)
{
    Job *job = g_new0(Job, 1);
    job->link = link;
    g_strlcpy(job->host, host, sizeof job->host);
    g_snprintf(job->actor, sizeof job->actor, "host:%s", host);
    job->cause = (BerthCause){ .now_us = berth_site_clock_now_us(), .actor = job->actor };
    link->n_jobs++;
    return job;
}

/* Ends a job; returns its link, or NULL if that is gone. */
static BerthAgentLink *
job_free(Job *job)
{
    BerthAgentLink *link = job->link;
    berth_inventory_free(job->inventory);
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
send_json(BerthAgentLink *link, json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    if (text == NULL) {
        return;
    }
    int error = berth_framed_send(link->framed, text, strlen(text));
    if (error != BERTH_OK) {
        berth_log_warning("agent", "a message to host \"%s\" was not sent: %s", link->host,
                          berth_error_sentence(error));
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
    json_t *message = json_pack("{s:s, s:s, s:[s]}", "type", "welcome", "cluster",
                                link->broker->cluster, "ticket_keys", key);
    if (link->version >= 2) {
        json_object_set_new(message, "cluster_epoch", json_integer(link->broker->cluster_epoch));
        json_object_set_new(message, "lease_s", json_integer(BERTH_AGENT_LOST_US / 1000000));
        json_object_set_new(message, "safe_mode", json_boolean(link->broker->is_safe_mode));
    }
    send_json(link, message);
}

static int
run_hello(BerthTx *tx, void *data)
{
    Job *job = data;
    return berth_host_hello(tx, &job->cause, &job->hello, job->link->broker->holder);
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
    if (error != BERTH_OK) {
        g_autofree char *detail =
            g_strdup_printf("host \"%s\": %s", hello.host, berth_error_sentence(error));
        refuse(link, error, detail);
        return;
    }
    g_strlcpy(link->host, hello.host, sizeof link->host);
    link->version = hello.version;
    berth_log_info("agent", "host \"%s\" is here, display at %s, accel %s", hello.host,
                   hello.address, hello.accel);
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
    const json_t *generation = json_object_get(message, "generation");
    if (!json_is_integer(generation) || json_integer_value(generation) < 0 ||
        json_integer_value(generation) > MAX_GENERATION) {
        berth_set_error(error, BERTH_ERR_PROTOCOL, "a poll without a generation that can be");
        return BERTH_ERR_PROTOCOL;
    }
    link->is_polling = true;
    link->polled_us = berth_monotonic_us();
    link->polled_generation = json_integer_value(generation);
    berth_agent_link_update(link);
    return BERTH_OK;
}

static int
run_inventory(BerthTx *tx, void *data)
{
    Job *job = data;
    return berth_host_apply_inventory(tx, &job->cause, job->host, job->inventory, &job->n_steps);
}

static void
inventory_done(int error, void *data)
{
    Job *job = data;
    BerthBroker *broker = job->link->broker;
    int n_steps = job->n_steps;
    if (error != BERTH_OK) {
        berth_log_error("agent", "the inventory of host \"%s\" was not taken: %s", job->host,
                        berth_error_sentence(error));
    }
    (void)job_free(job);
    if (error == BERTH_OK && n_steps > 0) {
        berth_broker_changed(broker);
    }
}

static int
on_inventory(BerthAgentLink *link, const json_t *message, GError **error)
{
    BerthInventory *inventory = berth_inventory_new_from_json(message, error);
    if (inventory == NULL) {
        return BERTH_ERR_PROTOCOL;
    }
    Job *job = job_new(link, link->host);
    job->inventory = inventory;
    submit(link, run_inventory, inventory_done, job);
    return BERTH_OK;
}

static int
on_same(BerthAgentLink *link, const json_t *message, GError **error)
{
    return BERTH_OK;
}

static int
on_ping(BerthAgentLink *link, const json_t *message, GError **error)
{
    send_json(link, json_pack("{s:s}", "type", "pong"));
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

static int
on_frame(BerthFramed *framed, const uint8_t *data, size_t len, void *user_data)
{
    BerthAgentLink *link = user_data;
    g_autoptr(GError) error = NULL;
    json_error_t why;
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
berth_agent_link_new(BerthBroker *broker, BerthTlsStream *stream,
                     const BerthAgentLinkCallbacks *callbacks, void *user_data)
{
    BerthAgentLink *link = g_new0(BerthAgentLink, 1);
    link->broker = broker;
    link->callbacks = callbacks;
    link->user_data = user_data;
    link->generation = berth_wall_us();
    link->framed = berth_framed_new(NULL, stream, BERTH_LIMIT_CONTROL_MESSAGE_BYTES,
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

static bool
is_answer_due(const BerthAgentLink *link, const char *content)
{
    bool is_new = link->sent == NULL || strcmp(link->sent, content) != 0;
    return is_new || link->polled_generation != link->generation ||
           berth_monotonic_us() - link->polled_us >= HEARTBEAT_US;
}

void
berth_agent_link_update(BerthAgentLink *link)
{
    DesiredQuery query = { .host = link->host };
    if (!link->is_polling) {
        return;
    }
    int error = berth_store_read(link->broker->store, read_desired, &query);
    if (error != BERTH_OK) {
        berth_log_error("agent", "the desired state of host \"%s\" cannot be read: %s", link->host,
                        berth_error_sentence(error));
        return;
    }
    if (link->version < 2) {
        berth_desired_make_old(query.desired);
    }
    char *content = json_dumps(query.desired, JSON_COMPACT);
    if (is_answer_due(link, content)) {
        if (link->sent == NULL || strcmp(link->sent, content) != 0) {
            link->generation = MAX(link->generation, link->polled_generation) + 1;
        }
        g_free(link->sent);
        link->sent = g_strdup(content);
        link->is_polling = false;
        json_object_set_new(query.desired, "type", json_string("desired"));
        json_object_set_new(query.desired, "generation", json_integer(link->generation));
        send_json(link, json_incref(query.desired));
    }
    free(content);
    json_decref(query.desired);
}
