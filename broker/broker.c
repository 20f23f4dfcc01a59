/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/broker.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/limits.h"
#include "broker/metrics.h"
#include "broker/site-clock.h"
#include "broker/state-dir.h"

#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000
#define DAY_US (24LL * 3600 * 1000 * 1000)

const BerthConfigRow berth_broker_schema[] = {
    { "broker", "state_dir", BERTH_CONFIG_PATH, 0, 0, NULL, "folder of the store" },
    { "broker", "api_socket", BERTH_CONFIG_PATH, 0, 0, NULL, "UNIX socket for users' requests" },
    { "broker", "internal_socket", BERTH_CONFIG_PATH, 0, 0, NULL,
      "UNIX socket for gateways and probes" },
    { "broker", "agent_listen", BERTH_CONFIG_STRING, 1, 64, "127.0.0.1:7410",
      "ip:port for the agents of hosts" },
    { "broker", "ca_file", BERTH_CONFIG_PATH, 0, 0, NULL, "PEM certificate of the site" },
    { "broker", "cert_file", BERTH_CONFIG_PATH, 0, 0, NULL, "PEM certificate shown to agents" },
    { "broker", "key_file", BERTH_CONFIG_PATH, 0, 0, NULL, "PEM key of that certificate" },
    { "broker", "ticket_key_file", BERTH_CONFIG_PATH, 0, 0, NULL,
      "PEM Ed25519 key that signs tickets" },
    { "broker", "keep_history_days", BERTH_CONFIG_INT, 1, 3650, "90",
      "ended sessions and deleted machines are kept so long; the audit log stays" },
    { "store", "url", BERTH_CONFIG_STRING, 0, 1024, "",
      "sqlite:FILE or postgresql:...; empty is STATE_DIR/broker.sqlite" },
    BERTH_DEPOT_CONFIG_ROWS BERTH_PEOPLE_CONFIG_ROWS{
        "limits", "login_requests_per_s", BERTH_CONFIG_INT, 0, 100000, "100",
        "requests of one login in a second, five times as many at once; 0 is no limit" },
    { "limits", "source_requests_per_s", BERTH_CONFIG_INT, 0, 1000000, "1000",
      "requests of one address in a second, five times as many at once; 0 is no limit" },
};

const size_t berth_broker_n_schema = G_N_ELEMENTS(berth_broker_schema);

static int
ensure_meta(BerthTx *tx, const char *key, char ret[BERTH_ID_HEX_CHARS + 1])
{
    g_autofree char *value = NULL;
    int error = berth_tx_get_text(tx, &value, BERTH_SQL_META_GET, "s", key);
    if (error == BERTH_OK) {
        g_strlcpy(ret, value, BERTH_ID_HEX_CHARS + 1);
        return BERTH_OK;
    }
    if (error != BERTH_ERR_NOT_FOUND) {
        return error;
    }
    berth_id_random_hex(ret);
    return berth_tx_run(tx, BERTH_SQL_META_SET, "ss", key, ret);
}

/* A number in the store; one that was never written is `otherwise`. */
static int
ensure_number(BerthTx *tx, const char *key, int64_t otherwise, int64_t *ret)
{
    g_autofree char *value = NULL;
    int error = berth_tx_get_text(tx, &value, BERTH_SQL_META_GET, "s", key);
    if (error == BERTH_OK) {
        *ret = g_ascii_strtoll(value, NULL, 10);
    }
    if (error != BERTH_ERR_NOT_FOUND) {
        return error;
    }
    *ret = otherwise;
    value = g_strdup_printf("%" G_GINT64_FORMAT, otherwise);
    return berth_tx_run(tx, BERTH_SQL_META_SET, "ss", key, value);
}

static int
run_set_up(BerthTx *tx, void *data)
{
    BerthBroker *broker = data;
    int64_t safe_mode = 0;
    int error = ensure_meta(tx, "cluster", broker->cluster);
    if (error == BERTH_OK) {
        error = ensure_number(tx, "cluster_epoch", 1, &broker->cluster_epoch);
    }
    if (error == BERTH_OK) {
        error = ensure_number(tx, "safe_mode", 0, &safe_mode);
        broker->is_safe_mode = safe_mode != 0;
    }
    if (error == BERTH_OK) {
        error = berth_site_clock_open(tx);
    }
    return error;
}

static bool
open_store(BerthBroker *broker, const BerthConfig *config, GError **error)
{
    g_autofree char *url = berth_state_dir_store_url(config);
    broker->store = berth_store_open(url, broker->holder, NULL, error);
    if (broker->store == NULL) {
        return false;
    }
    int code = berth_store_write(broker->store, run_set_up, broker);
    if (code != BERTH_OK) {
        return berth_set_error(error, code, "cannot set up the store: %s",
                               berth_error_sentence(code));
    }
    return true;
}

BerthBroker *
berth_broker_new(const BerthConfig *config, GError **error)
{
    BerthBroker *broker = g_new0(BerthBroker, 1);
    const char *state_dir = berth_config_get_string(config, "broker", "state_dir");
    broker->started_us = berth_monotonic_us();
    broker->lock_fd = berth_state_dir_lock(state_dir, error);
    if (broker->lock_fd < 0 || !berth_state_dir_ensure_holder(state_dir, broker->holder, error) ||
        !open_store(broker, config, error)) {
        berth_broker_free(broker);
        return NULL;
    }
    broker->people = berth_people_new(broker->store, config, error);
    if (broker->people == NULL) {
        berth_broker_free(broker);
        return NULL;
    }
    return broker;
}

static int
run_seal(BerthTx *tx, void *data)
{
    const BerthBroker *broker = data;
    return berth_audit_seal(tx, broker->signing_key, berth_site_clock_now_us());
}

static void
seal_done(int error, void *data)
{
    BerthBroker *broker = data;
    broker->is_sealing = false;
    if (error != BERTH_OK) {
        berth_log_warning("store", "the audit log is not signed: %s", berth_error_sentence(error));
    }
}

/* Signs the audit chain every minute in which it grew, and sooner if it grew much. */
static void
maybe_seal(BerthBroker *broker)
{
    BerthStoreHealth health;
    int64_t now_us = berth_monotonic_us();
    berth_store_get_health(broker->store, &health);
    bool is_due = health.n_unsigned >= BERTH_AUDIT_SEAL_RECORDS ||
                  now_us - broker->sealed_us >= BERTH_AUDIT_SEAL_US;
    if (broker->is_sealing || health.n_unsigned == 0 || !is_due) {
        return;
    }
    broker->sealed_us = now_us;
    broker->is_sealing = berth_store_submit(broker->store, run_seal, seal_done, broker) == BERTH_OK;
}

static gboolean
on_tick(gpointer data)
{
    BerthBroker *broker = data;
    maybe_seal(broker);
    berth_agents_check_silence(broker->agents);
    berth_metric_set(BERTH_METRIC_AGENT_LINKS, berth_agents_n_links(broker->agents));
    berth_agents_update(broker->agents);
    berth_connects_retry(broker->connects); /* what another broker heard of */
    berth_beat_second(broker->beat);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_changed(gpointer data)
{
    BerthBroker *broker = data;
    broker->change_source = 0;
    berth_connects_retry(broker->connects);
    berth_agents_update(broker->agents);
    berth_beat_hurry(broker->beat);
    return G_SOURCE_REMOVE;
}

void
berth_broker_changed(BerthBroker *broker)
{
    if (broker->change_source == 0 && broker->tick_source != 0) {
        broker->change_source = g_idle_add(on_changed, broker);
    }
}

static BerthRateLimit *
new_rate(const BerthConfig *config, const char *key)
{
    int64_t per_second = berth_config_get_int(config, "limits", key);
    return berth_rate_limit_new(per_second, 5 * per_second, BERTH_LIMIT_HTTP_RATE_KEYS);
}

bool
berth_broker_start(BerthBroker *broker, const BerthConfig *config, GError **error)
{
    BerthAgentsConfig agents = {
        .listen = berth_config_get_string(config, "broker", "agent_listen"),
        .ca_file = berth_config_get_string(config, "broker", "ca_file"),
        .cert_file = berth_config_get_string(config, "broker", "cert_file"),
        .key_file = berth_config_get_string(config, "broker", "key_file"),
    };
    broker->signing_key =
        berth_signing_key_load(berth_config_get_string(config, "broker", "ticket_key_file"), error);
    if (broker->signing_key == NULL) {
        return false;
    }
    berth_signing_key_get_public(broker->signing_key, &broker->ticket_key);
    berth_people_start(broker->people, config);
    broker->readers =
        berth_worker_pool_new(NULL, BERTH_LIMIT_READ_THREADS, BERTH_LIMIT_READS_QUEUED);
    broker->slow_readers =
        berth_worker_pool_new(NULL, BERTH_LIMIT_SLOW_READ_THREADS, BERTH_LIMIT_SLOW_READS_QUEUED);
    broker->events = berth_events_new(broker);
    broker->login_rate = new_rate(config, "login_requests_per_s");
    broker->source_rate = new_rate(config, "source_requests_per_s");
    broker->connects = berth_connects_new(broker);
    broker->beat = berth_beat_new(
        broker, berth_config_get_int(config, "broker", "keep_history_days") * DAY_US);
    broker->agents = berth_agents_new(broker, &agents, error);
    if (broker->agents == NULL) {
        return false;
    }
    broker->depot = berth_depot_new(broker, config, error);
    if (broker->depot == NULL || !berth_depot_start(broker->depot, config, error)) {
        return false;
    }
    broker->api = berth_http_server_new(
        broker, berth_config_get_string(config, "broker", "api_socket"), false, error);
    if (broker->api == NULL) {
        return false;
    }
    broker->internal = berth_http_server_new(
        broker, berth_config_get_string(config, "broker", "internal_socket"), true, error);
    if (broker->internal == NULL) {
        return false;
    }
    broker->tick_source = g_timeout_add(TICK_MS, on_tick, broker);
    berth_broker_changed(broker);
    return true;
}

static void
stop_sources(BerthBroker *broker)
{
    if (broker->tick_source != 0) {
        g_source_remove(broker->tick_source);
        broker->tick_source = 0;
    }
    if (broker->change_source != 0) {
        g_source_remove(broker->change_source);
        broker->change_source = 0;
    }
}

/* First of all: what they finish goes on to other parts. */
static void
stop_readers(BerthBroker *broker)
{
    if (broker->readers != NULL) {
        berth_worker_pool_free(broker->readers);
        broker->readers = NULL;
    }
    if (broker->slow_readers != NULL) {
        berth_worker_pool_free(broker->slow_readers);
        broker->slow_readers = NULL;
    }
}

void
berth_broker_free(BerthBroker *broker)
{
    if (broker == NULL) {
        return;
    }
    stop_sources(broker);
    berth_events_stop(broker->events);
    stop_readers(broker);
    berth_depot_stop(broker->depot);
    if (broker->store != NULL && broker->signing_key != NULL) {
        (void)berth_store_submit(broker->store, run_seal, seal_done, broker);
    }
    berth_beat_free(broker->beat);
    berth_people_stop(broker->people);
    g_clear_pointer(&broker->connects, berth_connects_free);
    /* Every done function runs here at the latest: no request is left without an answer. */
    berth_store_free(broker->store);
    berth_http_server_free(broker->api);
    berth_http_server_free(broker->internal);
    berth_depot_free(broker->depot);
    berth_events_free(broker->events);
    berth_agents_free(broker->agents);
    berth_signing_key_free(broker->signing_key);
    berth_people_free(broker->people);
    berth_rate_limit_free(broker->login_rate);
    berth_rate_limit_free(broker->source_rate);
    berth_clear_fd(&broker->lock_fd);
    g_free(broker);
}

typedef struct {
    const char *name;
    const char *hash;
} NewAdmin;

static int
run_create_admin(BerthTx *tx, void *data)
{
    const NewAdmin *admin = data;
    BerthCause cause = { .now_us = berth_site_clock_now_us(), .actor = "setup" };
    char text[BERTH_ID_HEX_CHARS + 1];
    berth_id_random_hex(text);
    int error = berth_tx_run(tx, BERTH_SQL_ACCOUNT_INSERT, "sssi", text, admin->name, admin->hash,
                             cause.now_us);
    if (error == BERTH_OK) {
        char grant[BERTH_ID_HEX_CHARS + 1];
        berth_id_random_hex(grant);
        error = berth_tx_run(tx, BERTH_SQL_GRANT_INSERT, "sssssi", grant, text, NULL, "admin", "/",
                             cause.now_us);
    }
    if (error == BERTH_OK) {
        error = berth_audit(tx, &cause, "user.added", text,
                            json_pack("{s:s, s:b}", "name", admin->name, "admin", 1));
    }
    return error;
}

bool
berth_broker_create_admin(BerthBroker *broker, const char *name, const char *password,
                          GError **error)
{
    if (name[0] == '\0' || strlen(name) > BERTH_LIMIT_NAME_BYTES) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" is not a user name", name);
    }
    const BerthPeople *people = broker->people;
    if (!berth_password_rules_check(people->rules, name, password, error)) {
        return false;
    }
    g_autofree char *hash = berth_password_hash(people->pepper, password, &people->cost);
    NewAdmin admin = { .name = name, .hash = hash };
    int code = hash != NULL ? berth_store_write(broker->store, run_create_admin, &admin)
                            : BERTH_ERR_NO_MEMORY;
    if (code != BERTH_OK) {
        return berth_set_error(error, code, "user \"%s\": %s", name, berth_error_sentence(code));
    }
    return true;
}
