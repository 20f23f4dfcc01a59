/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/agents.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "berth/limits.h"
#include "broker/agent-link.h"
#include "broker/broker.h"
#include "broker/change-feed.h"
#include "broker/host-sync.h"
#include "broker/metrics.h"
#include "broker/site-clock.h"
#include "broker/steps.h"
#include "display/transport/tcp.h"

#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#define CONTROL_ALPN "berth-control/1"

/* Hosts whose rows are read in one turn of the loop; the rest comes with the next. */
#define UPDATES_PER_TURN 32
/* Pages of the change feed in one turn. */
#define PAGES_PER_TURN 8
/* How long what a host's own reports changed may wait for a change by others. */
#define PATIENCE_MS 50
#define LEASE_PERIOD_US (10LL * 1000 * 1000)
/* Between two looks at the clock; a longer time was not the hosts' silence but our sleep. */
#define LOOK_LIMIT_US (3LL * 1000 * 1000)

/* A host that this broker heard, or waits to hear. */
typedef struct {
    int64_t heard_us;     /* monotonic */
    BerthAgentLink *link; /* welcomed, NULL if none */
    bool is_let_go;       /* it was silent: the store was told that nobody has it */
    bool is_known;        /* at the last look into the store */
} Watch;

struct BerthAgents {
    BerthBroker *broker;
    BerthTlsContext *tls;
    BerthSocketHub *hub;
    int listen_fd;
    guint listen_source;
    guint more_source;
    guint patience_source;
    GPtrArray *links;    /* BerthAgentLink *, all */
    GHashTable *watches; /* host id -> Watch * */
    guint n_welcomed;
    BerthChangeFeed *feed;
    BerthStampede stampede;
    int64_t stampede_site_us; /* when it began, by the time of the site */
    int64_t looked_us;
    int64_t leased_us;
};

typedef struct {
    BerthBroker *broker;
    BerthCause cause;
    char host[BERTH_ID_HEX_CHARS + 1];
    char holder[BERTH_ID_HEX_CHARS + 1];
    BerthHostEvent event;
} Silence;

static Watch *
ensure_watch(BerthAgents *agents, const char *host)
{
    Watch *watch = g_hash_table_lookup(agents->watches, host);
    if (watch == NULL) {
        watch = g_new0(Watch, 1);
        watch->heard_us = berth_monotonic_us();
        watch->is_known = true;
        g_hash_table_insert(agents->watches, g_strdup(host), watch);
    }
    return watch;
}

static BerthAgentLink *
find_link(const BerthAgents *agents, const char *host)
{
    const Watch *watch = g_hash_table_lookup(agents->watches, host);
    return watch != NULL ? watch->link : NULL;
}

/* Whoever heard a host has it; whoever did not, does not. */
static int
run_host_event(BerthTx *tx, void *data)
{
    Silence *silence = data;
    int error = BERTH_OK;
    if (silence->event == BERTH_HOST_EVENT_HEARD) {
        error = berth_tx_run(tx, BERTH_SQL_HOST_TAKE, "ssii", silence->host, silence->holder,
                             silence->cause.now_us + BERTH_AGENT_LOST_US, silence->cause.now_us);
    } else if (silence->event == BERTH_HOST_EVENT_SILENT) {
        error = berth_tx_run(tx, BERTH_SQL_HOST_LET_GO, "ss", silence->host, silence->holder);
    }
    return error == BERTH_OK ? berth_host_step(tx, &silence->cause, silence->host, silence->event)
                             : error;
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
    g_strlcpy(silence->holder, agents->broker->holder, sizeof silence->holder);
    if (berth_store_submit(agents->broker->store, run_host_event, host_event_done, silence) !=
        BERTH_OK) {
        g_free(silence);
    }
}

static void
drop_link(BerthAgents *agents, BerthAgentLink *link)
{
    Watch *watch = g_hash_table_lookup(agents->watches, berth_agent_link_get_host(link));
    if (watch != NULL && watch->link == link) {
        watch->link = NULL;
        agents->n_welcomed--;
    }
    g_ptr_array_remove_fast(agents->links, link);
    berth_agent_link_free(link);
}

static void
on_welcomed(BerthAgentLink *link, void *user_data)
{
    BerthAgents *agents = user_data;
    const char *host = berth_agent_link_get_host(link);
    Watch *watch = ensure_watch(agents, host);
    if (watch->link != NULL && watch->link != link) {
        berth_log_warning("agent", "host \"%s\" dialled again, its older link is dropped", host);
        drop_link(agents, watch->link);
    }
    agents->n_welcomed += watch->link == NULL ? 1 : 0;
    watch->link = link;
    watch->heard_us = berth_monotonic_us();
    watch->is_let_go = false;
    watch->is_known = true;
}

static int
run_safe_mode(BerthTx *tx, void *data)
{
    BerthCause cause = { .now_us = berth_site_clock_now_us(), .actor = "timer" };
    int error = berth_tx_run(tx, BERTH_SQL_META_SET, "ss", "safe_mode", "1");
    return error == BERTH_OK ? berth_audit(tx, &cause, "site.safe-mode", "site", json_object())
                             : error;
}

static void
on_outdated(BerthAgentLink *link, int64_t cluster_epoch, void *user_data)
{
    BerthAgents *agents = user_data;
    if (agents->broker->is_safe_mode) {
        return;
    }
    berth_log_error("agent",
                    "host \"%s\" knows cluster epoch %" G_GINT64_FORMAT
                    ", this store has %" G_GINT64_FORMAT ": an old copy; safe mode begins",
                    berth_agent_link_get_host(link), cluster_epoch, agents->broker->cluster_epoch);
    agents->broker->is_safe_mode = true;
    (void)berth_store_submit(agents->broker->store, run_safe_mode, NULL, NULL);
}

static void
on_heard(BerthAgentLink *link, void *user_data)
{
    BerthAgents *agents = user_data;
    const char *host = berth_agent_link_get_host(link);
    if (host[0] == '\0') {
        return;
    }
    Watch *watch = ensure_watch(agents, host);
    watch->heard_us = berth_monotonic_us();
    if (watch->is_let_go) {
        watch->is_let_go = false;
        submit_host_event(agents, host, BERTH_HOST_EVENT_HEARD);
    }
}

static void
on_closed(BerthAgentLink *link, void *user_data)
{
    drop_link(user_data, link);
}

static const BerthAgentLinkCallbacks link_callbacks = {
    .welcomed = on_welcomed,
    .outdated = on_outdated,
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
    if (agents->links->len - agents->n_welcomed >= BERTH_LIMIT_UNKNOWN_AGENTS) {
        berth_log_warning("agent", "too many connections wait for a hello, one is dropped");
        return G_SOURCE_CONTINUE;
    }
    BerthTlsStream *stream =
        berth_tls_stream_new(agents->tls, berth_steal_fd(&client), NULL, &error);
    if (stream == NULL) {
        berth_log_warning("agent", "a connection cannot be served: %s", error->message);
        return G_SOURCE_CONTINUE;
    }
    g_ptr_array_add(agents->links, berth_agent_link_new(agents->broker, agents->hub, stream,
                                                        &link_callbacks, agents));
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
                           .is_mostly_idle = true,
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

/* Hosts whose link this broker had last; the silence of the others is their brokers' matter. */
static int
read_known(BerthTx *tx, void *data)
{
    BerthAgents *agents = data;
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_HOSTS_KNOWN, "");
    while (berth_rows_next(&rows)) {
        const char *holder = berth_rows_text(&rows, 2);
        if (holder[0] == '\0' || strcmp(holder, agents->broker->holder) == 0) {
            ensure_watch(agents, berth_rows_text(&rows, 0));
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
    agents->watches = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    agents->feed = berth_change_feed_new();
    agents->hub = berth_socket_hub_new(NULL);
    agents->looked_us = berth_monotonic_us();
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
    berth_agents_update(agents);
    return agents;
}

void
berth_agents_free(BerthAgents *agents)
{
    if (agents == NULL) {
        return;
    }
    g_clear_handle_id(&agents->listen_source, g_source_remove);
    g_clear_handle_id(&agents->more_source, g_source_remove);
    g_clear_handle_id(&agents->patience_source, g_source_remove);
    berth_clear_fd(&agents->listen_fd);
    for (guint i = 0; i < agents->links->len; i++) {
        berth_agent_link_free(g_ptr_array_index(agents->links, i));
    }
    g_ptr_array_unref(agents->links);
    g_hash_table_unref(agents->watches);
    berth_change_feed_free(agents->feed);
    berth_socket_hub_free(agents->hub);
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

static gboolean
on_patience_ended(gpointer user_data)
{
    BerthAgents *agents = user_data;
    agents->patience_source = 0;
    for (guint i = 0; i < agents->links->len; i++) {
        berth_agent_link_end_patience(g_ptr_array_index(agents->links, i));
    }
    berth_agents_update(agents);
    return G_SOURCE_REMOVE;
}

static void
on_change(const char *host, bool is_own, void *user_data)
{
    BerthAgents *agents = user_data;
    if (is_own && agents->patience_source == 0) {
        agents->patience_source = g_timeout_add(PATIENCE_MS, on_patience_ended, agents);
    }
    if (host != NULL) {
        BerthAgentLink *link = find_link(agents, host);
        if (link != NULL) {
            berth_agent_link_rows_changed(link, is_own);
        }
        return;
    }
    for (guint i = 0; i < agents->links->len; i++) {
        berth_agent_link_rows_changed(g_ptr_array_index(agents->links, i), is_own);
    }
}

static int
read_changes(BerthTx *tx, void *data)
{
    BerthAgents *agents = data;
    bool is_more = true;
    int error = BERTH_OK;
    for (int i = 0; i < PAGES_PER_TURN && is_more && error == BERTH_OK; i++) {
        error = berth_change_feed_read(agents->feed, tx, on_change, agents, &is_more);
    }
    return error == BERTH_OK && is_more ? BERTH_ERR_AGAIN : error;
}

static gboolean
on_more(gpointer user_data)
{
    BerthAgents *agents = user_data;
    agents->more_source = 0;
    berth_agents_update(agents);
    return G_SOURCE_REMOVE;
}

void
berth_agents_update(BerthAgents *agents)
{
    int error = berth_store_read_promptly(agents->broker->store, read_changes, agents);
    bool is_more = error == BERTH_ERR_AGAIN;
    int n_read = 0;
    if (error != BERTH_OK && !is_more) {
        berth_log_warning("agent", "changes cannot be read: %s", berth_error_sentence(error));
    }
    for (guint i = 0; i < agents->links->len && n_read < UPDATES_PER_TURN; i++) {
        if (berth_agent_link_update(g_ptr_array_index(agents->links, i))) {
            n_read++;
        }
    }
    if ((is_more || n_read == UPDATES_PER_TURN) && agents->more_source == 0) {
        agents->more_source = g_idle_add(on_more, agents);
    }
}

bool
berth_agents_is_linked(const BerthAgents *agents, const char *host)
{
    return find_link(agents, host) != NULL;
}

guint
berth_agents_n_links(const BerthAgents *agents)
{
    return agents->n_welcomed;
}

bool
berth_agents_get_host_usage(const BerthAgents *agents, const char *host, BerthHostUsage *ret)
{
    const BerthAgentLink *link = find_link(agents, host);
    if (link == NULL || berth_agent_link_get_inventory(link) == NULL) {
        return false;
    }
    *ret = berth_agent_link_get_usage(link);
    return true;
}

BerthInventory *
berth_agents_ref_inventory(const BerthAgents *agents, const char *host)
{
    const BerthAgentLink *link = find_link(agents, host);
    BerthInventory *inventory = link != NULL ? berth_agent_link_get_inventory(link) : NULL;
    return inventory != NULL ? berth_inventory_ref(inventory) : NULL;
}

int
berth_agents_n_strangers(const BerthAgents *agents)
{
    int n = 0;
    for (guint i = 0; i < agents->links->len; i++) {
        n += berth_agent_link_n_strangers(g_ptr_array_index(agents->links, i));
    }
    return n;
}

const BerthStampede *
berth_agents_get_stampede(const BerthAgents *agents)
{
    return &agents->stampede;
}

typedef struct {
    char host[BERTH_ID_HEX_CHARS + 1];
    BerthHostEvent event;
} DueEvent;

typedef struct {
    BerthAgents *agents;
    int64_t now_us;
    int64_t site_us;
    GArray *due;       /* of DueEvent */
    GArray *silent_us; /* int64_t: when silent hosts were heard last */
    size_t n_hosts;    /* whose silence can be judged */
    int64_t cluster_epoch;
    int64_t hosts_gone_us; /* when somebody said that silent hosts are gone */
    bool is_safe_mode;
} Look;

/* What the silence of a host in this state calls for; false if nothing. */
static bool
judge_silence(const char *state, int64_t silence_us, bool is_linked, BerthHostEvent *ret_event)
{
    bool is_well = strcmp(state, "up") == 0 || strcmp(state, "degraded") == 0;
    if (is_well) {
        *ret_event = BERTH_HOST_EVENT_SILENT;
        return silence_us >= BERTH_AGENT_SUSPECT_US;
    }
    if (silence_us < BERTH_AGENT_SUSPECT_US) {
        *ret_event = BERTH_HOST_EVENT_HEARD;
        return is_linked;
    }
    *ret_event = BERTH_HOST_EVENT_LEASE_OVER;
    return strcmp(state, "suspect") == 0 && silence_us >= BERTH_AGENT_LOST_US;
}

/* How long a host has been silent; -1 if another broker has it, who knows better. */
static int64_t
get_silence_us(const Look *look, const Watch *watch, const char *holder, int64_t lease_until_us)
{
    bool is_ours = watch != NULL && (watch->link != NULL || holder[0] == '\0' ||
                                     strcmp(holder, look->agents->broker->holder) == 0);
    if (is_ours) {
        return look->now_us - watch->heard_us;
    }
    return lease_until_us < look->site_us ? BERTH_AGENT_LOST_US + look->site_us - lease_until_us
                                          : -1;
}

static void
look_at_host(Look *look, const char *id, const char *state, const char *holder,
             int64_t lease_until_us)
{
    DueEvent due;
    Watch *watch = g_hash_table_lookup(look->agents->watches, id);
    int64_t silence_us = get_silence_us(look, watch, holder, lease_until_us);
    bool is_over = strcmp(state, "lost") == 0 || strcmp(state, "fenced") == 0;
    if (watch != NULL) {
        watch->is_known = true;
    }
    if (silence_us < 0) {
        return;
    }
    look->n_hosts += is_over ? 0 : 1;
    if (!is_over && silence_us >= BERTH_AGENT_SUSPECT_US) {
        int64_t heard_us = look->now_us - silence_us;
        g_array_append_val(look->silent_us, heard_us);
        if (watch != NULL) {
            watch->is_let_go = true;
        }
    }
    bool is_linked = watch != NULL && watch->link != NULL;
    if (judge_silence(state, silence_us, is_linked, &due.event)) {
        g_strlcpy(due.host, id, sizeof due.host);
        g_array_append_val(look->due, due);
    }
}

static int
read_number(BerthTx *tx, const char *key, int64_t *ret)
{
    g_autofree char *text = NULL;
    int error = berth_tx_get_text(tx, &text, BERTH_SQL_META_GET, "s", key);
    if (error == BERTH_OK) {
        *ret = g_ascii_strtoll(text, NULL, 10);
    }
    return error;
}

static int
read_hosts(BerthTx *tx, void *data)
{
    Look *look = data;
    BerthRows rows;
    int64_t safe_mode = 0;
    berth_tx_query(tx, &rows, BERTH_SQL_HOSTS_KNOWN, "");
    while (berth_rows_next(&rows)) {
        look_at_host(look, berth_rows_text(&rows, 0), berth_rows_text(&rows, 1),
                     berth_rows_text(&rows, 2), berth_rows_int(&rows, 3));
    }
    int error = berth_rows_end(&rows);
    if (error == BERTH_OK) {
        error = read_number(tx, "cluster_epoch", &look->cluster_epoch);
    }
    if (error == BERTH_OK) {
        error = read_number(tx, "safe_mode", &safe_mode);
        look->is_safe_mode = safe_mode != 0;
    }
    if (error == BERTH_OK) {
        error = read_number(tx, "hosts_gone_us", &look->hosts_gone_us);
        error = error == BERTH_ERR_NOT_FOUND ? BERTH_OK : error;
    }
    return error;
}

static int
run_stampede_alarm(BerthTx *tx, void *data)
{
    BerthCause cause = { .now_us = berth_site_clock_now_us(), .actor = "timer" };
    return berth_audit(tx, &cause, data, "site", json_object());
}

static void
tell_stampede(BerthAgents *agents, BerthStampedeChange change)
{
    const BerthStampede *stampede = &agents->stampede;
    bool is_begin = change == BERTH_STAMPEDE_BEGINS;
    if (!is_begin && change != BERTH_STAMPEDE_ENDS) {
        return;
    }
    if (is_begin) {
        berth_log_error("agent",
                        "%zu of %zu hosts fell silent at once: the fault is on this side, "
                        "none is called lost",
                        stampede->n_silent, stampede->n_hosts);
    } else {
        berth_log_info("agent", "hosts are heard again");
    }
    berth_metric_add(BERTH_METRIC_HOSTS_SILENT, is_begin ? 1 : -1);
    (void)berth_store_submit(agents->broker->store, run_stampede_alarm, NULL,
                             is_begin ? (void *)"site.hosts-silent" : (void *)"site.hosts-heard");
}

static void
look_at_stampede(BerthAgents *agents, const Look *look)
{
    BerthStampedeChange change =
        berth_stampede_look(&agents->stampede, (int64_t *)(void *)look->silent_us->data,
                            look->silent_us->len, look->n_hosts, look->now_us);
    if (change == BERTH_STAMPEDE_BEGINS) {
        agents->stampede_site_us = look->site_us;
    }
    if (look->hosts_gone_us >= agents->stampede_site_us) {
        berth_stampede_overrule(&agents->stampede);
    }
    tell_stampede(agents, change);
}

/* Another safe mode or cluster epoch: agents have to be welcomed again with it. */
static void
take_mode(BerthAgents *agents, const Look *look)
{
    BerthBroker *broker = agents->broker;
    if (look->is_safe_mode == broker->is_safe_mode &&
        look->cluster_epoch == broker->cluster_epoch) {
        return;
    }
    berth_log_warning("agent", "safe mode is %s, cluster epoch is %" G_GINT64_FORMAT,
                      look->is_safe_mode ? "on" : "off", look->cluster_epoch);
    broker->is_safe_mode = look->is_safe_mode;
    broker->cluster_epoch = look->cluster_epoch;
    while (agents->links->len > 0) {
        drop_link(agents, g_ptr_array_index(agents->links, agents->links->len - 1));
    }
}

/* Hosts that were removed: their links end, and nobody waits for them. */
static void
forget_unknown(BerthAgents *agents)
{
    GHashTableIter iter;
    gpointer value = NULL;
    g_hash_table_iter_init(&iter, agents->watches);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Watch *watch = value;
        if (watch->is_known) {
            watch->is_known = false;
            continue;
        }
        if (watch->link != NULL) {
            g_ptr_array_remove_fast(agents->links, watch->link);
            berth_agent_link_free(watch->link);
            agents->n_welcomed--;
        }
        g_hash_table_iter_remove(&iter);
    }
}

static int
run_leases(BerthTx *tx, void *data)
{
    const char *holder = data;
    int64_t now_us = berth_site_clock_now_us();
    return berth_tx_run(tx, BERTH_SQL_HOSTS_RENEW_LEASES, "sii", holder,
                        now_us + BERTH_AGENT_LOST_US, now_us);
}

/* One statement for all: whoever was silent has been let go before. */
static void
maybe_renew_leases(BerthAgents *agents, int64_t now_us)
{
    if (now_us - agents->leased_us >= LEASE_PERIOD_US && agents->n_welcomed > 0) {
        agents->leased_us = now_us;
        (void)berth_store_submit(agents->broker->store, run_leases, NULL, agents->broker->holder);
    }
}

/* Time in which this process did not run was nobody's silence. */
static void
forgive_sleep(BerthAgents *agents, int64_t now_us)
{
    int64_t slept_us = now_us - agents->looked_us;
    agents->looked_us = now_us;
    if (slept_us < LOOK_LIMIT_US) {
        return;
    }
    GHashTableIter iter;
    gpointer watch = NULL;
    g_hash_table_iter_init(&iter, agents->watches);
    while (g_hash_table_iter_next(&iter, NULL, &watch)) {
        Watch *heard = watch;
        heard->heard_us = MIN(heard->heard_us + slept_us, now_us);
    }
}

void
berth_agents_check_silence(BerthAgents *agents)
{
    int64_t now_us = berth_monotonic_us();
    if (agents->listen_source == 0) {
        agents->listen_source = g_unix_fd_add(agents->listen_fd, G_IO_IN, on_accept, agents);
    }
    forgive_sleep(agents, now_us);
    g_autoptr(GArray) due = g_array_new(FALSE, FALSE, sizeof(DueEvent));
    g_autoptr(GArray) silent_us = g_array_new(FALSE, FALSE, sizeof(int64_t));
    Look look = { .agents = agents,
                  .now_us = now_us,
                  .site_us = berth_site_clock_now_us(),
                  .due = due,
                  .silent_us = silent_us };
    if (berth_store_read_promptly(agents->broker->store, read_hosts, &look) != BERTH_OK) {
        return;
    }
    forget_unknown(agents);
    look_at_stampede(agents, &look);
    for (guint i = 0; i < due->len; i++) {
        const DueEvent *event = &g_array_index(due, DueEvent, i);
        if (event->event != BERTH_HOST_EVENT_LEASE_OVER ||
            berth_stampede_may_lose(&agents->stampede)) {
            submit_host_event(agents, event->host, event->event);
        }
    }
    maybe_renew_leases(agents, now_us);
    take_mode(agents, &look);
}
