/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/broker-link.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "display/transport/framed.h"
#include "host-agent/inventory.h"
#include "host-agent/json-fields.h"

#include <stdlib.h>
#include <string.h>

#define GATHER_MS 20
#define TICKET_KEYS_MAX 16
#define TICKET_KEY_CHARS 64
#define DETAIL_BYTES 1024
#define LEASE_MAX_S 86400

struct BerthBrokerLink {
    BerthTlsContext *tls;
    BerthAddress address;
    char *name;
    const BerthBrokerLinkCallbacks *callbacks;
    void *user_data;

    BerthFramed *framed;
    bool is_welcome;
    json_t *progress;     /* told with that inventory */
    json_t *news;         /* of the last inventory on this connection; NULL before it */
    int64_t serial;       /* of that inventory */
    int64_t inventory_us; /* when it was sent */
    int64_t generation;   /* of the last desired state on this connection; -1: none */
    int retry_ms;
    guint retry_source;
    guint ping_source;
    guint same_source;
    guint gather_source;
    bool was_failure_told;
};

static void dial(BerthBrokerLink *self);

/* Sends a message; reference taken. */
static void
send_message(BerthBrokerLink *self, json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    int code = berth_framed_send(self->framed, text, strlen(text));
    if (code != BERTH_OK) {
        berth_log_warning("link", "the broker takes no message: %s", berth_error_sentence(code));
    }
    free(text);
}

static void
send_poll(BerthBrokerLink *self)
{
    send_message(self, json_pack("{s:s,s:I}", "type", "poll", "generation",
                                 (json_int_t)MAX(self->generation, 0)));
}

/* Both references are taken. */
static void
send_inventory(BerthBrokerLink *self, json_t *inventory, json_t *news)
{
    json_decref(self->news);
    self->news = news;
    json_decref(self->progress);
    self->progress = berth_inventory_progress(inventory);
    self->inventory_us = berth_monotonic_us();
    json_object_set_new(inventory, "type", json_string("inventory"));
    json_object_set_new(inventory, "serial", json_integer(++self->serial));
    json_object_set_new(inventory, "clock_us", json_integer(berth_wall_us()));
    send_message(self, inventory);
}

static bool
is_progress(const BerthBrokerLink *self, const json_t *inventory)
{
    json_t *progress = berth_inventory_progress(inventory);
    bool is_new = !json_equal(self->progress, progress);
    json_decref(progress);
    return is_new;
}

/*
 * Sends the inventory if it is news or due, else, if that is wanted, that it is the same; what only
 * progressed is told when "the same" would be due.
 */
static void
tell_inventory(BerthBrokerLink *self, bool also_same)
{
    if (!self->is_welcome) {
        return;
    }
    json_t *inventory = self->callbacks->make_inventory(self->user_data);
    json_t *news = berth_inventory_news(inventory);
    bool is_due = berth_monotonic_us() - self->inventory_us >= BERTH_LINK_INVENTORY_INTERVAL_US;
    if (self->news == NULL || is_due || !json_equal(self->news, news) ||
        (also_same && is_progress(self, inventory))) {
        send_inventory(self, inventory, news);
        return;
    }
    if (also_same) {
        json_t *usage = json_object_get(inventory, "usage");
        send_message(self, json_pack("{s:s,s:I,s:I,s:O*}", "type", "same", "serial",
                                     (json_int_t)self->serial, "clock_us",
                                     (json_int_t)berth_wall_us(), "usage", usage));
    }
    json_decref(news);
    json_decref(inventory);
}

static gboolean
on_gather(gpointer user_data)
{
    BerthBrokerLink *self = user_data;
    self->gather_source = 0;
    tell_inventory(self, false);
    return G_SOURCE_REMOVE;
}

static gboolean
on_same_interval(gpointer user_data)
{
    tell_inventory(user_data, true);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_ping(gpointer user_data)
{
    send_message(user_data, json_pack("{s:s}", "type", "ping"));
    return G_SOURCE_CONTINUE;
}

/* ---- messages of the broker ---- */

static void
read_ticket_keys(BerthJsonFields *fields, BerthWelcome *ret)
{
    const json_t *keys = berth_json_fields_array(fields, "ticket_keys", TICKET_KEYS_MAX);
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const char *key = json_string_value(json_array_get(keys, i));
        if (key == NULL || strlen(key) != TICKET_KEY_CHARS) {
            berth_json_fields_fail(fields, "ticket_keys", "has something that is no key");
        }
    }
    ret->ticket_keys = keys;
}

static bool
read_welcome(const json_t *message, BerthWelcome *ret, GError **error)
{
    BerthJsonFields fields;
    BerthId id;
    berth_json_fields_init(&fields, message, "welcome");
    berth_json_fields_string(&fields, "type", BERTH_LIMIT_NAME_BYTES);
    berth_json_fields_id(&fields, "cluster", &id);
    ret->cluster = json_string_value(json_object_get(message, "cluster"));
    ret->cluster_epoch = berth_json_fields_int(&fields, "cluster_epoch", 0, INT64_MAX);
    ret->lease_s = (int)berth_json_fields_int(&fields, "lease_s", 1, LEASE_MAX_S);
    ret->is_safe_mode = berth_json_fields_optional_bool(&fields, "safe_mode", false);
    read_ticket_keys(&fields, ret);
    return berth_json_fields_finish(&fields, error);
}

static int
handle_welcome(BerthBrokerLink *self, const json_t *message)
{
    BerthWelcome welcome = { 0 };
    GError *error = NULL;
    if (!read_welcome(message, &welcome, &error)) {
        berth_log_warning("link", "the broker's welcome is no good: %s", error->message);
        g_error_free(error);
        return BERTH_ERR_PROTOCOL;
    }
    if (!self->callbacks->on_welcome(&welcome, self->user_data)) {
        return BERTH_ERR_STALE_EPOCH;
    }
    self->is_welcome = true;
    self->retry_ms = BERTH_LINK_RETRY_FIRST_MS;
    self->was_failure_told = false;
    berth_log_info("link", "the broker accepted this host (lease %d s)", welcome.lease_s);
    tell_inventory(self, false);
    send_poll(self);
    return BERTH_OK;
}

static int
handle_same(BerthBrokerLink *self, const json_t *message)
{
    BerthJsonFields fields;
    berth_json_fields_init(&fields, message, "desired state that is the same");
    berth_json_fields_string(&fields, "type", BERTH_LIMIT_NAME_BYTES);
    berth_json_fields_int(&fields, "generation", 0, INT64_MAX);
    if (!berth_json_fields_finish(&fields, NULL)) {
        return BERTH_ERR_PROTOCOL;
    }
    send_poll(self);
    return BERTH_OK;
}

static int
handle_desired(BerthBrokerLink *self, const json_t *message)
{
    GError *error = NULL;
    BerthDesired *desired = berth_desired_parse(message, &error);
    if (desired == NULL) {
        berth_log_warning("link", "the broker's desired state is no good: %s", error->message);
        g_error_free(error);
        return BERTH_ERR_PROTOCOL;
    }
    self->generation = desired->generation;
    self->callbacks->on_desired(desired, self->user_data);
    send_poll(self);
    return BERTH_OK;
}

static int
handle_refused(const json_t *message)
{
    BerthJsonFields fields;
    berth_json_fields_init(&fields, message, "refusal");
    berth_json_fields_string(&fields, "type", BERTH_LIMIT_NAME_BYTES);
    const char *code = berth_json_fields_string(&fields, "code", BERTH_LIMIT_NAME_BYTES);
    const char *detail = berth_json_fields_optional_string(&fields, "detail", DETAIL_BYTES);
    if (berth_json_fields_finish(&fields, NULL)) {
        berth_log_error("link", "the broker refuses this host (%s): %s", code,
                        detail != NULL ? detail : "");
    }
    return BERTH_ERR_FORBIDDEN;
}

static int
handle_message(BerthBrokerLink *self, const json_t *message)
{
    const char *type = json_string_value(json_object_get(message, "type"));
    if (type == NULL) {
        return BERTH_ERR_PROTOCOL;
    }
    if (strcmp(type, "ping") == 0) {
        send_message(self, json_pack("{s:s}", "type", "pong"));
        return BERTH_OK;
    }
    if (strcmp(type, "pong") == 0) {
        return BERTH_OK;
    }
    if (strcmp(type, "refused") == 0) {
        return handle_refused(message);
    }
    if (strcmp(type, "welcome") == 0 && !self->is_welcome) {
        return handle_welcome(self, message);
    }
    if (strcmp(type, "desired") == 0 && self->is_welcome) {
        return handle_desired(self, message);
    }
    if (strcmp(type, "same") == 0 && self->is_welcome) {
        return handle_same(self, message);
    }
    return BERTH_ERR_PROTOCOL;
}

static int
on_frame(BerthFramed *framed, const uint8_t *data, size_t len, void *user_data)
{
    GError *error = NULL;
    json_t *message = berth_json_parse_object((const char *)data, len, "broker's message", &error);
    if (message == NULL) {
        berth_log_warning("link", "%s", error->message);
        g_error_free(error);
        return BERTH_ERR_PROTOCOL;
    }
    int code = handle_message(user_data, message);
    json_decref(message);
    return code;
}

/* ---- connection ---- */

static void
on_open(BerthFramed *framed, BerthTlsStream *stream, void *user_data)
{
    BerthBrokerLink *self = user_data;
    send_message(self, self->callbacks->make_hello(self->user_data));
    self->ping_source = g_timeout_add_seconds(BERTH_LINK_PING_INTERVAL_S, on_ping, self);
    self->same_source = g_timeout_add_seconds(BERTH_LINK_SAME_INTERVAL_S, on_same_interval, self);
}

static gboolean
on_retry(gpointer user_data)
{
    BerthBrokerLink *self = user_data;
    self->retry_source = 0;
    dial(self);
    return G_SOURCE_REMOVE;
}

static void
retry_later(BerthBrokerLink *self, const char *why)
{
    if (!self->was_failure_told) {
        berth_log_warning("link", "no link to the broker: %s (trying again)", why);
        self->was_failure_told = true;
    } else {
        berth_log_debug("link", "no link to the broker: %s", why);
    }
    self->retry_source = g_timeout_add((guint)self->retry_ms, on_retry, self);
    self->retry_ms = MIN(2 * self->retry_ms, BERTH_LINK_RETRY_LAST_MS);
}

static void
hang_up(BerthBrokerLink *self)
{
    g_clear_handle_id(&self->ping_source, g_source_remove);
    g_clear_handle_id(&self->same_source, g_source_remove);
    g_clear_handle_id(&self->gather_source, g_source_remove);
    g_clear_pointer(&self->framed, berth_framed_free);
    g_clear_pointer(&self->news, json_decref);
    g_clear_pointer(&self->progress, json_decref);
    self->is_welcome = false;
}

static void
on_closed(BerthFramed *framed, int code, const char *text, void *user_data)
{
    BerthBrokerLink *self = user_data;
    g_autofree char *why =
        g_strdup_printf("%s%s%s", berth_error_sentence(code),
                        text != NULL && *text != '\0' ? ": " : "", text != NULL ? text : "");
    hang_up(self);
    retry_later(self, why);
}

static const BerthFramedCallbacks framed_callbacks = {
    .open = on_open,
    .frame = on_frame,
    .closed = on_closed,
};

static void
dial(BerthBrokerLink *self)
{
    GError *error = NULL;
    int fd = -1;
    int code = berth_tcp_connect(&self->address, &fd);
    if (code != BERTH_OK) {
        retry_later(self, berth_error_sentence(code));
        return;
    }
    BerthTlsStream *stream = berth_tls_stream_new(self->tls, fd, self->name, &error);
    if (stream == NULL) {
        retry_later(self, error->message);
        g_error_free(error);
        return;
    }
    self->generation = -1;
    self->framed = berth_framed_new(NULL, stream, BERTH_LIMIT_CONTROL_MESSAGE_BYTES,
                                    BERTH_LINK_SILENCE_US, &framed_callbacks, self);
}

BerthBrokerLink *
berth_broker_link_new(BerthTlsContext *tls, const BerthAddress *address, const char *name,
                      const BerthBrokerLinkCallbacks *callbacks, void *user_data)
{
    BerthBrokerLink *self = g_new0(BerthBrokerLink, 1);
    self->tls = berth_tls_context_ref(tls);
    self->address = *address;
    self->name = g_strdup(name);
    self->callbacks = callbacks;
    self->user_data = user_data;
    self->retry_ms = BERTH_LINK_RETRY_FIRST_MS;
    dial(self);
    return self;
}

void
berth_broker_link_free(BerthBrokerLink *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->retry_source, g_source_remove);
    hang_up(self);
    berth_tls_context_unref(self->tls);
    g_free(self->name);
    g_free(self);
}

void
berth_broker_link_inventory_changed(BerthBrokerLink *self)
{
    if (self->gather_source == 0) {
        self->gather_source = g_timeout_add(GATHER_MS, on_gather, self);
    }
}
