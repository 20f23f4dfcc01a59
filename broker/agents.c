/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/agents.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "broker/agent-link.h"
#include "broker/broker.h"
#include "broker/host-sync.h"
#include "broker/site-clock.h"
#include "broker/steps.h"
#include "display/transport/tcp.h"

#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#define CONTROL_ALPN "berth-control/1"
/* Links that have not proved who they are. */
#define MAX_STRANGERS 64

struct BerthAgents {
    BerthBroker *broker;
    BerthTlsContext *tls;
    int listen_fd;
    guint listen_source;
    GPtrArray *links;     /* BerthAgentLink *, all */
    GHashTable *by_host;  /* host id -> BerthAgentLink *, welcomed */
    GHashTable *heard_us; /* host id -> int64_t *, monotonic; every known host */
};

typedef struct {
    BerthBroker *broker;
    BerthCause cause;
    char host[BERTH_ID_HEX_CHARS + 1];
    BerthHostEvent event;
} Silence;

static void
note_heard(BerthAgents *agents, const char *host, int64_t now_us)
{
    int64_t *slot = g_hash_table_lookup(agents->heard_us, host);
    if (slot == NULL) {
        slot = g_new(int64_t, 1);
        g_hash_table_insert(agents->heard_us, g_strdup(host), slot);
    }
    *slot = now_us;
}

static int
run_host_event(BerthTx *tx, void *data)
{
    Silence *silence = data;
    return berth_host_step(tx, &silence->cause, silence->host, silence->event);
}

static void
host_event_done(int error, void *data)
{
    Silence *silence = data;
    if (error == BERTH_OK) {
        berth_broker_changed(silence->broker);
    } else {
        berth_log_warning("agent", "host \"%s\" keeps its state: %s", silence->host,
                          berth_error_sentence(error));
    }
    g_free(silence);
}

static void
submit_host_event(BerthAgents *agents, const char *host, BerthHostEvent event)
{
    Silence *silence = g_new0(Silence, 1);
    silence->broker = agents->broker;
    silence->event = event;
    silence->cause = (BerthCause){ .now_us = berth_site_clock_now_us(), .actor = "timer" };
    g_strlcpy(silence->host, host, sizeof silence->host);
    if (berth_store_submit(agents->broker->store, run_host_event, host_event_done, silence) !=
        BERTH_OK) {
        g_free(silence);
    }
}

static void
on_welcomed(BerthAgentLink *link, void *user_data)
{
    BerthAgents *agents = user_data;
    const char *host = berth_agent_link_get_host(link);
    BerthAgentLink *old = g_hash_table_lookup(agents->by_host, host);
    if (old != NULL && old != link) {
        berth_log_warning("agent", "host \"%s\" dialled again, its older link is dropped", host);
        g_ptr_array_remove_fast(agents->links, old);
        berth_agent_link_free(old);
    }
    g_hash_table_replace(agents->by_host, g_strdup(host), link);
    note_heard(agents, host, berth_monotonic_us());
}

static void
on_heard(BerthAgentLink *link, void *user_data)
{
    BerthAgents *agents = user_data;
    const char *host = berth_agent_link_get_host(link);
    if (host[0] == '\0') {
        return;
    }
    int64_t now_us = berth_monotonic_us();
    const int64_t *heard_us = g_hash_table_lookup(agents->heard_us, host);
    if (heard_us != NULL && now_us - *heard_us > BERTH_AGENT_SUSPECT_US) {
        submit_host_event(agents, host, BERTH_HOST_EVENT_HEARD);
    }
    note_heard(agents, host, now_us);
}

static void
on_closed(BerthAgentLink *link, void *user_data)
{
    BerthAgents *agents = user_data;
    const char *host = berth_agent_link_get_host(link);
    if (g_hash_table_lookup(agents->by_host, host) == link) {
        g_hash_table_remove(agents->by_host, host);
    }
    g_ptr_array_remove_fast(agents->links, link);
    berth_agent_link_free(link);
}

static const BerthAgentLinkCallbacks link_callbacks = {
    .welcomed = on_welcomed,
    .heard = on_heard,
    .closed = on_closed,
};

static gboolean
on_accept(gint fd, GIOCondition condition, gpointer data)
{
    BerthAgents *agents = data;
    g_autoptr(GError) error = NULL;
    berth_autofd int client = -1;
    int code = berth_tcp_accept(fd, &client, NULL);
    if (code == BERTH_ERR_AGAIN) {
        return G_SOURCE_CONTINUE;
    }
    if (code != BERTH_OK) {
        /* Descriptors ran out.  The socket stays readable: the next tick tries again. */
        berth_log_warning("agent", "cannot accept a connection: %s", berth_error_sentence(code));
        agents->listen_source = 0;
        return G_SOURCE_REMOVE;
    }
    if (agents->links->len - g_hash_table_size(agents->by_host) >= MAX_STRANGERS) {
        berth_log_warning("agent", "too many connections wait for a hello, one is dropped");
        return G_SOURCE_CONTINUE;
    }
    BerthTlsStream *stream =
        berth_tls_stream_new(agents->tls, berth_steal_fd(&client), NULL, &error);
    if (stream == NULL) {
        berth_log_warning("agent", "a connection cannot be served: %s", error->message);
        return G_SOURCE_CONTINUE;
    }
    g_ptr_array_add(agents->links,
                    berth_agent_link_new(agents->broker, stream, &link_callbacks, agents));
    return G_SOURCE_CONTINUE;
}

static BerthTlsContext *
new_tls(const BerthAgentsConfig *config, GError **error)
{
    g_autoptr(BerthTlsKey) key = berth_tls_key_load(config->cert_file, config->key_file, error);
    if (key == NULL) {
        return NULL;
    }
    BerthTlsConfig tls = { .key = key,
                           .peer_check = BERTH_TLS_PEER_CA,
                           .ca_file = config->ca_file,
                           .alpn = CONTROL_ALPN,
                           .is_alpn_needed = true };
    return berth_tls_context_new_server(&tls, error);
}

static bool
listen_for_agents(BerthAgents *agents, const char *text, GError **error)
{
    BerthAddress address;
    if (berth_address_parse(text, &address) != BERTH_OK) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "\"%s\" is not ip:port", text);
    }
    int code = berth_tcp_listen(&address, &agents->listen_fd);
    if (code != BERTH_OK) {
        return berth_set_error(error, code, "cannot listen for agents on \"%s\": %s", text,
                               berth_error_sentence(code));
    }
    agents->listen_source = g_unix_fd_add(agents->listen_fd, G_IO_IN, on_accept, agents);
    return true;
}

static int
read_known(BerthTx *tx, void *data)
{
    BerthAgents *agents = data;
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_HOSTS_KNOWN, "");
    while (berth_rows_next(&rows)) {
        if (strcmp(berth_rows_text(&rows, 1), "enrolled") != 0) {
            note_heard(agents, berth_rows_text(&rows, 0), berth_monotonic_us());
        }
    }
    return berth_rows_end(&rows);
}

BerthAgents *
berth_agents_new(BerthBroker *broker, const BerthAgentsConfig *config, GError **error)
{
    BerthAgents *agents = g_new0(BerthAgents, 1);
    agents->broker = broker;
    agents->listen_fd = -1;
    agents->links = g_ptr_array_new();
    agents->by_host = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    agents->heard_us = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    agents->tls = new_tls(config, error);
    if (agents->tls == NULL || !listen_for_agents(agents, config->listen, error)) {
        berth_agents_free(agents);
        return NULL;
    }
    /* The silence of known hosts is counted from now: this broker was not listening before. */
    int code = berth_store_read(broker->store, read_known, agents);
    if (code != BERTH_OK) {
        berth_set_error(error, code, "cannot read the hosts: %s", berth_error_sentence(code));
        berth_agents_free(agents);
        return NULL;
    }
    return agents;
}

void
berth_agents_free(BerthAgents *agents)
{
    if (agents == NULL) {
        return;
    }
    if (agents->listen_source != 0) {
        g_source_remove(agents->listen_source);
    }
    berth_clear_fd(&agents->listen_fd);
    g_hash_table_unref(agents->by_host);
    for (guint i = 0; i < agents->links->len; i++) {
        berth_agent_link_free(g_ptr_array_index(agents->links, i));
    }
    g_ptr_array_unref(agents->links);
    g_hash_table_unref(agents->heard_us);
    berth_tls_context_unref(agents->tls);
    g_free(agents);
}

uint16_t
berth_agents_get_port(const BerthAgents *agents)
{
    BerthAddress address;
    return berth_tcp_get_local(agents->listen_fd, &address) == BERTH_OK
               ? berth_address_get_port(&address)
               : 0;
}

void
berth_agents_update(BerthAgents *agents)
{
    GHashTableIter iter;
    gpointer link = NULL;
    g_hash_table_iter_init(&iter, agents->by_host);
    while (g_hash_table_iter_next(&iter, NULL, &link)) {
        berth_agent_link_update(link);
    }
}

bool
berth_agents_is_linked(const BerthAgents *agents, const char *host)
{
    return g_hash_table_contains(agents->by_host, host);
}

guint
berth_agents_n_links(const BerthAgents *agents)
{
    return g_hash_table_size(agents->by_host);
}

typedef struct {
    char host[BERTH_ID_HEX_CHARS + 1];
    BerthHostEvent event;
} DueEvent;

typedef struct {
    BerthAgents *agents;
    int64_t now_us;
    GArray *due; /* of DueEvent */
} SilenceQuery;

/* What the silence of a host in this state calls for; false if nothing. */
static bool
judge_silence(const char *state, int64_t silence_us, BerthHostEvent *ret_event)
{
    if (strcmp(state, "up") == 0) {
        *ret_event = BERTH_HOST_EVENT_SILENT;
        return silence_us >= BERTH_AGENT_SUSPECT_US;
    }
    if (silence_us < BERTH_AGENT_SUSPECT_US) {
        *ret_event = BERTH_HOST_EVENT_HEARD;
        return true;
    }
    *ret_event = BERTH_HOST_EVENT_LEASE_OVER;
    return strcmp(state, "suspect") == 0 && silence_us >= BERTH_AGENT_LOST_US;
}

static int
read_silent(BerthTx *tx, void *data)
{
    SilenceQuery *query = data;
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_HOSTS_KNOWN, "");
    while (berth_rows_next(&rows)) {
        const char *id = berth_rows_text(&rows, 0);
        const char *state = berth_rows_text(&rows, 1);
        const int64_t *heard_us = g_hash_table_lookup(query->agents->heard_us, id);
        DueEvent due;
        if (heard_us == NULL || strcmp(state, "enrolled") == 0) {
            continue;
        }
        bool is_linked = berth_agents_is_linked(query->agents, id);
        if (judge_silence(state, query->now_us - *heard_us, &due.event) &&
            (due.event != BERTH_HOST_EVENT_HEARD || is_linked)) {
            g_strlcpy(due.host, id, sizeof due.host);
            g_array_append_val(query->due, due);
        }
    }
    return berth_rows_end(&rows);
}

void
berth_agents_check_silence(BerthAgents *agents)
{
    if (agents->listen_source == 0) {
        agents->listen_source = g_unix_fd_add(agents->listen_fd, G_IO_IN, on_accept, agents);
    }
    g_autoptr(GArray) due = g_array_new(FALSE, FALSE, sizeof(DueEvent));
    SilenceQuery query = { .agents = agents, .now_us = berth_monotonic_us(), .due = due };
    if (berth_store_read(agents->broker->store, read_silent, &query) != BERTH_OK) {
        return;
    }
    for (guint i = 0; i < due->len; i++) {
        const DueEvent *event = &g_array_index(due, DueEvent, i);
        submit_host_event(agents, event->host, event->event);
    }
}
