/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/stats.h"

#include <string.h>

void
berth_stats_init(BerthStats *self)
{
    memset(self, 0, sizeof *self);
    self->tcp_us = self->tls_us = self->login_us = self->list_us = self->connect_us = -1;
    self->session_tcp_us = self->session_tls_us = self->welcome_us = -1;
    self->first_frame_us = self->first_picture_us = self->rtt_us = self->last_resume_us = -1;
    self->last_change_us = -1;
    self->latency.last_us = -1;
}

static void
note_answer(BerthStats *self, const BerthFrameNews *news, int64_t shown_us)
{
    const BerthInputAnswer answer = {
        .serial = self->latency.answered_serial,
        .sent_us = self->latency.answered_sent_us,
        .received_us = news->received_us,
        .ready_us = news->ready_us,
        .shown_us = shown_us,
    };

    if (answer.serial != 0) {
        berth_input_split_answered(&self->split, &answer);
    }
}

void
berth_stats_frame(BerthStats *self, const BerthFrameNews *news, uint32_t present_us, int64_t now_us)
{
    self->n_frames++;
    self->frame_bytes += news->n_bytes;
    self->decode_us += news->decode_us;
    self->present_us += present_us;
    self->encode_us += news->encode_us;
    self->last_input_serial = news->input_serial;
    self->max_decode_us = MAX(self->max_decode_us, news->decode_us);
    self->max_present_us = MAX(self->max_present_us, present_us);
    berth_traffic_add(&self->traffic, &news->traffic);
    self->exact_heads &= ~(1u << news->head);
    self->exact_heads |= (uint32_t)news->is_exact << news->head;
    if (news->is_changed) {
        self->n_changed_frames++;
        self->last_change_us = now_us;
    }
    self->pixels_us += (uint64_t)MAX(news->ready_us - news->received_us, 0);
    berth_latency_frame(&self->latency, news->input_serial, news->is_changed, now_us);
    note_answer(self, news, news->received_us + present_us);
}

static json_t *
time_json(int64_t value_us)
{
    return value_us < 0 ? json_null() : json_integer(value_us);
}

static json_t *
latency_json(const BerthLatency *latency)
{
    BerthLatencySummary summary;
    json_t *object = json_object();

    berth_latency_summarize(latency, &summary);
    json_object_set_new(object, "n_samples", json_integer((json_int_t)summary.n_samples));
    json_object_set_new(object, "min_us", time_json(summary.min_us));
    json_object_set_new(object, "p50_us", time_json(summary.p50_us));
    json_object_set_new(object, "p95_us", time_json(summary.p95_us));
    json_object_set_new(object, "max_us", time_json(summary.max_us));
    json_object_set_new(object, "last_us", time_json(latency->last_us));
    return object;
}

/* Where the time of presses went; null if the session did not tell. */
static json_t *
split_json(const BerthInputSplit *split)
{
    uint32_t parts_us[BERTH_N_INPUT_PARTS];
    json_t *object;

    if (!berth_input_split_get(split, parts_us)) {
        return json_null();
    }
    object = json_object();
    for (int i = 0; i < BERTH_N_INPUT_PARTS; i++) {
        g_autofree char *name = g_strdup_printf("%s_us", berth_input_part_name((BerthInputPart)i));

        json_object_set_new(object, name, json_integer(parts_us[i]));
    }
    json_object_set_new(object, "n_samples", json_integer((json_int_t)split->n_samples));
    return object;
}

/* What the session said of itself; null if nothing. */
static json_t *
host_json(const BerthStats *self)
{
    json_t *object = self->has_host ? json_object() : json_null();

    if (self->has_host) {
        json_object_set_new(object, "rate_kbps", json_integer(self->host.rate_kbps));
        json_object_set_new(object, "queue_us", json_integer(self->host.queue_us));
        json_object_set_new(object, "interval_us", json_integer(self->host.interval_us));
        json_object_set_new(object, "photo_quality", json_integer(self->host.photo_quality));
        json_object_set_new(object, "effort", json_integer(self->host.effort));
    }
    return object;
}

/* Bytes and pixels by the way they took. */
static json_t *
traffic_json(const BerthTraffic *traffic)
{
    json_t *object = json_object();

    for (int i = 0; i < BERTH_N_TRAFFIC_KINDS; i++) {
        json_t *kind = json_object();

        json_object_set_new(kind, "bytes", json_integer((json_int_t)traffic->kinds[i].n_bytes));
        json_object_set_new(kind, "px", json_integer((json_int_t)traffic->kinds[i].n_px));
        json_object_set_new(object, berth_traffic_kind_name((BerthTrafficKind)i), kind);
    }
    return object;
}

json_t *
berth_stats_to_json(const BerthStats *self)
{
    const struct {
        const char *name;
        int64_t value_us;
    } times[] = {
        { "tcp_us", self->tcp_us },
        { "tls_us", self->tls_us },
        { "login_us", self->login_us },
        { "list_us", self->list_us },
        { "connect_us", self->connect_us },
        { "session_tcp_us", self->session_tcp_us },
        { "session_tls_us", self->session_tls_us },
        { "welcome_us", self->welcome_us },
        { "first_frame_us", self->first_frame_us },
        { "first_picture_us", self->first_picture_us },
        { "rtt_us", self->rtt_us },
        { "last_resume_us", self->last_resume_us },
    };

    const struct {
        const char *name;
        uint64_t value;
    } counters[] = {
        { "resumes", self->n_resumes },
        { "frames", self->n_frames },
        { "changed_frames", self->n_changed_frames },
        { "frame_bytes", self->frame_bytes },
        { "bytes_in", self->bytes_in },
        { "bytes_out", self->bytes_out },
        { "decode_us", self->decode_us },
        { "encode_us", self->encode_us },
        { "pixels_us", self->pixels_us },
        { "max_decode_us", self->max_decode_us },
        { "present_us", self->present_us },
        { "max_present_us", self->max_present_us },
        { "failed_checks", self->n_failed_checks },
        { "shadow_asks", self->n_shadow_asks },
        { "observers", self->n_observers },
        { "exact_permille", berth_traffic_get_exact_permille(&self->traffic) },
        { "last_input_serial", self->last_input_serial },
    };

    json_t *object = json_object();

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        json_object_set_new(object, times[i].name, time_json(times[i].value_us));
    }
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        json_object_set_new(object, counters[i].name, json_integer((json_int_t)counters[i].value));
    }
    json_object_set_new(object, "recorded", json_boolean(self->is_recorded));
    json_object_set_new(object, "may_save_pictures", json_boolean(self->may_save_pictures));
    json_object_set_new(object, "traffic", traffic_json(&self->traffic));
    json_object_set_new(object, "input_to_frame", latency_json(&self->latency));
    json_object_set_new(object, "input_to_pixel", split_json(&self->split));
    json_object_set_new(object, "host", host_json(self));
    return object;
}
