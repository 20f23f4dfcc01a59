/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake-host.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "berth/limits.h"
#include "display/transport/framed.h"

#include <stdlib.h>
#include <string.h>

#define CONTROL_ALPN "berth-control/1"
#define FULL_US (30LL * 1000 * 1000)
#define RETRY_FIRST_US (200LL * 1000)
#define RETRY_LAST_US (5000LL * 1000)
#define SILENCE_US (15LL * 1000 * 1000)

struct FakeHost {
    const FakeSite *site;
    char id[BERTH_ID_HEX_CHARS + 1];
    BerthTlsContext *tls;
    FakeModel *model;
    json_t *conditions;
    int64_t agent_epoch;
    int64_t cluster_epoch;
    /* the link */
    BerthFramed *framed;
    bool does_dial;
    bool is_welcome;
    bool is_safe_mode;
    bool is_mute;
    int64_t retry_us; /* how long to wait next time */
    int64_t dial_us;  /* when to dial */
    int64_t generation;
    int64_t serial;
    int64_t said_us; /* the last inventory or "same" */
    int64_t full_us; /* the last inventory */
};

static void
say(FakeHost *host, json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    if (host->framed != NULL && !host->is_mute) {
        (void)berth_framed_send(host->framed, text, strlen(text));
    }
    free(text);
}

static void
tell(FakeHost *host, const char *event, json_t *more)
{
    json_t *object = json_pack("{s:s, s:s}", "event", event, "host", host->id);
    json_object_update(object, more);
    json_decref(more);
    host->site->tell(object);
}

/* ---- the file ---- */

static char *
get_path(const FakeHost *host)
{
    return g_strdup_printf("%s/host-%s.json", host->site->state_dir, host->id);
}

static void
save(FakeHost *host)
{
    if (host->site->state_dir == NULL) {
        return;
    }
    g_autofree char *path = get_path(host);
    json_auto_t *saved = fake_model_save(host->model);
    json_object_set_new(saved, "agent_epoch", json_integer(host->agent_epoch));
    json_object_set_new(saved, "cluster_epoch", json_integer(host->cluster_epoch));
    char *text = json_dumps(saved, JSON_COMPACT);
    /* Written whole, by rename: a kill leaves the old file or the new one. */
    (void)g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL);
    free(text);
}

static void
load(FakeHost *host)
{
    if (host->site->state_dir == NULL) {
        return;
    }
    g_autofree char *path = get_path(host);
    json_auto_t *saved = json_load_file(path, 0, NULL);
    if (saved != NULL) {
        fake_model_load(host->model, saved);
        host->agent_epoch = json_integer_value(json_object_get(saved, "agent_epoch"));
        host->cluster_epoch = json_integer_value(json_object_get(saved, "cluster_epoch"));
    }
}

/* ---- messages ---- */

static void
say_hello(FakeHost *host)
{
    say(host, json_pack("{s:s, s:i, s:s, s:s, s:I, s:I, s:s, s:s, s:I, s:i, s:i, s:s, s:{}, s:s, "
                        "s:[ss], s:I, s:s, s:s, s:{}}",
                        "type", "hello", "version", 3, "host", host->id, "boot_id", "boot-1",
                        "agent_epoch", (json_int_t)host->agent_epoch, "cluster_epoch",
                        (json_int_t)host->cluster_epoch, "display_address", "127.0.0.1:9", "accel",
                        "tcg", "memory_limit_mib", (json_int_t)host->site->memory_mib, "vcpu_limit",
                        1024, "start_slots", 64, "qemu", "7.2.22", "labels", "cgroup", "none",
                        "networks", "user", "bridge", "clock_us", (json_int_t)berth_wall_us(),
                        "image_address", "127.0.0.1:8", "cpu_model", "fake", "memory"));
}

static json_t *
get_usage(void)
{
    return json_pack("{s:i, s:i, s:i}", "cpu_pct", 1, "memory_used_mib", 100, "disk_free_mib",
                     100000);
}

static void
say_inventory(FakeHost *host, int64_t now_us)
{
    json_t *message = fake_model_report(host->model);
    host->serial++;
    host->said_us = now_us;
    host->full_us = now_us;
    save(host);
    json_object_set_new(message, "type", json_string("inventory"));
    json_object_set_new(message, "serial", json_integer(host->serial));
    json_object_set(message, "conditions", host->conditions);
    json_object_set_new(message, "usage", get_usage());
    json_object_set_new(message, "clock_us", json_integer(berth_wall_us()));
    say(host, message);
}

static void
say_same(FakeHost *host, int64_t now_us)
{
    host->said_us = now_us;
    say(host, json_pack("{s:s, s:I, s:o, s:I}", "type", "same", "serial", (json_int_t)host->serial,
                        "usage", get_usage(), "clock_us", (json_int_t)berth_wall_us()));
}

static void
say_poll(FakeHost *host)
{
    say(host, json_pack("{s:s, s:I}", "type", "poll", "generation", (json_int_t)host->generation));
}

static int
on_welcome(FakeHost *host, const json_t *message)
{
    int64_t epoch = json_integer_value(json_object_get(message, "cluster_epoch"));
    bool is_safe_mode = json_is_true(json_object_get(message, "safe_mode"));
    if (epoch < host->cluster_epoch && !is_safe_mode) {
        tell(host, "outdated", json_pack("{s:I}", "cluster_epoch", (json_int_t)epoch));
        return BERTH_ERR_STALE_EPOCH;
    }
    host->cluster_epoch = MAX(host->cluster_epoch, epoch);
    host->is_safe_mode = is_safe_mode;
    host->is_welcome = true;
    host->retry_us = RETRY_FIRST_US;
    tell(host, "welcome",
         json_pack("{s:I, s:b}", "cluster_epoch", (json_int_t)epoch, "safe_mode",
                   (int)is_safe_mode));
    (void)fake_model_take_changed(host->model);
    say_inventory(host, berth_monotonic_us());
    say_poll(host);
    return BERTH_OK;
}

static int
on_desired(FakeHost *host, const json_t *message)
{
    int64_t now_us = berth_monotonic_us();
    host->generation = json_integer_value(json_object_get(message, "generation"));
    fake_model_converge(host->model, message, host->is_safe_mode, now_us);
    if (fake_model_take_changed(host->model)) {
        say_inventory(host, now_us);
    }
    say_poll(host);
    return BERTH_OK;
}

static int
handle(FakeHost *host, const json_t *message)
{
    const char *type = json_string_value(json_object_get(message, "type"));
    if (type == NULL) {
        return BERTH_ERR_PROTOCOL;
    }
    if (strcmp(type, "welcome") == 0) {
        return on_welcome(host, message);
    }
    if (strcmp(type, "desired") == 0) {
        return on_desired(host, message);
    }
    if (strcmp(type, "same") == 0) {
        say_poll(host);
    } else if (strcmp(type, "ping") == 0) {
        say(host, json_pack("{s:s}", "type", "pong"));
    } else if (strcmp(type, "refused") == 0) {
        tell(host, "refused", json_pack("{s:O}", "code", json_object_get(message, "code")));
        return BERTH_ERR_FORBIDDEN;
    }
    return BERTH_OK;
}

static int
on_frame(BerthFramed *framed, const uint8_t *data, size_t len, void *user_data)
{
    FakeHost *host = user_data;
    json_auto_t *message = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, NULL);
    if (host->is_mute) {
        return BERTH_OK;
    }
    return message != NULL ? handle(host, message) : BERTH_ERR_PROTOCOL;
}

/* ---- the link ---- */

static void
on_open(BerthFramed *framed, BerthTlsStream *stream, void *user_data)
{
    say_hello(user_data);
}

static void
hang_up(FakeHost *host)
{
    g_clear_pointer(&host->framed, berth_framed_free);
    host->is_welcome = false;
    host->generation = 0;
    host->dial_us = berth_monotonic_us() + host->retry_us;
    host->retry_us = MIN(2 * host->retry_us, RETRY_LAST_US);
}

static void
on_closed(BerthFramed *framed, int code, const char *text, void *user_data)
{
    FakeHost *host = user_data;
    hang_up(host);
    tell(host, "closed", json_pack("{s:s, s:s}", "code", berth_error_name(code), "text", text));
}

static const BerthFramedCallbacks callbacks = { on_open, on_frame, on_closed };

static void
dial_now(FakeHost *host)
{
    int fd = -1;
    int code = berth_tcp_connect(&host->site->broker, &fd);
    BerthTlsStream *stream =
        code == BERTH_OK ? berth_tls_stream_new(host->tls, fd, host->site->broker_name, NULL)
                         : NULL;
    if (stream == NULL) {
        hang_up(host);
        return;
    }
    host->framed = berth_framed_new_in_hub(
        host->site->hub, stream, BERTH_LIMIT_CONTROL_MESSAGE_BYTES, SILENCE_US, &callbacks, host);
}

static void
on_news(const char *machine, int64_t epoch, const char *want, void *user_data)
{
    FakeHost *host = user_data;
    if (host->site->does_tell) {
        tell(host, "wanted",
             json_pack("{s:s, s:I, s:s, s:I}", "machine", machine, "epoch", (json_int_t)epoch,
                       "want", want, "at_us", (json_int_t)berth_monotonic_us()));
    }
}

FakeHost *
fake_host_new(const FakeSite *site, const BerthId *id, const char *cert_file, const char *key_file,
              GError **error)
{
    FakeHost *host = g_new0(FakeHost, 1);
    FakeModelConfig model = site->model;
    model.news = on_news;
    model.user_data = host;
    host->site = site;
    berth_id_format(id, host->id);
    host->model = fake_model_new(&model);
    host->conditions = json_array();
    host->retry_us = RETRY_FIRST_US;
    g_autoptr(BerthTlsKey) key = berth_tls_key_load(cert_file, key_file, error);
    if (key != NULL) {
        BerthTlsConfig tls = { .key = key,
                               .peer_check = BERTH_TLS_PEER_CA,
                               .ca_file = site->ca_file,
                               .alpn = CONTROL_ALPN,
                               .is_alpn_needed = true,
                               .is_mostly_idle = true };
        host->tls = berth_tls_context_new_client(&tls, error);
    }
    if (host->tls == NULL) {
        fake_host_free(host);
        return NULL;
    }
    load(host);
    host->agent_epoch++;
    save(host);
    return host;
}

void
fake_host_free(FakeHost *host)
{
    if (host == NULL) {
        return;
    }
    berth_framed_free(host->framed);
    berth_tls_context_unref(host->tls);
    fake_model_free(host->model);
    json_decref(host->conditions);
    g_free(host);
}

void
fake_host_dial(FakeHost *host)
{
    host->does_dial = true;
    host->dial_us = 0;
}

void
fake_host_cut(FakeHost *host, bool stays_away)
{
    host->does_dial = !stays_away;
    hang_up(host);
}

void
fake_host_set_mute(FakeHost *host, bool is_mute)
{
    host->is_mute = is_mute;
    if (!is_mute && host->framed != NULL) {
        fake_host_cut(host, false); /* what was said meanwhile is gone */
    }
}

void
fake_host_set_conditions(FakeHost *host, const json_t *conditions)
{
    json_decref(host->conditions);
    host->conditions = json_deep_copy(conditions);
    host->full_us = 0;
}

void
fake_host_set_cluster_epoch(FakeHost *host, int64_t epoch)
{
    host->cluster_epoch = epoch;
    save(host);
}

void
fake_host_tick(FakeHost *host, int64_t now_us)
{
    (void)fake_model_tick(host->model, now_us);
    if (host->framed == NULL) {
        if (host->does_dial && now_us >= host->dial_us) {
            dial_now(host);
        }
        return;
    }
    if (!host->is_welcome) {
        return;
    }
    if (fake_model_take_changed(host->model) || now_us - host->full_us >= FULL_US) {
        say_inventory(host, now_us);
    } else if (now_us - host->said_us >= host->site->report_us) {
        say_same(host, now_us);
    }
}

FakeModel *
fake_host_get_model(FakeHost *host)
{
    return host->model;
}

const char *
fake_host_get_id(const FakeHost *host)
{
    return host->id;
}

json_t *
fake_host_describe(const FakeHost *host)
{
    json_t *object = fake_model_report(host->model);
    json_object_set_new(object, "id", json_string(host->id));
    json_object_set_new(object, "is_welcome", json_boolean(host->is_welcome));
    json_object_set_new(object, "generation", json_integer(host->generation));
    json_object_set_new(object, "agent_epoch", json_integer(host->agent_epoch));
    json_object_set_new(object, "cluster_epoch", json_integer(host->cluster_epoch));
    return object;
}
