/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/stats-report.h"

#include <glib.h>
#include <glib/gi18n.h>

#define US_PER_S 1000000

static const BerthRateClass classes[BERTH_N_TRAFFIC_KINDS] = {
    [BERTH_TRAFFIC_COPY] = BERTH_RATE_EXACT,     [BERTH_TRAFFIC_FILL] = BERTH_RATE_EXACT,
    [BERTH_TRAFFIC_CACHED] = BERTH_RATE_EXACT,   [BERTH_TRAFFIC_EXACT] = BERTH_RATE_EXACT,
    [BERTH_TRAFFIC_GRADIENT] = BERTH_RATE_EXACT, [BERTH_TRAFFIC_PHOTO] = BERTH_RATE_PHOTO,
    [BERTH_TRAFFIC_VIDEO] = BERTH_RATE_VIDEO,    [BERTH_TRAFFIC_OTHER] = BERTH_RATE_EXACT,
};

static uint64_t
difference(uint64_t before, uint64_t now)
{
    return now > before ? now - before : 0;
}

static uint64_t
to_kbps(uint64_t n_bytes, int64_t span_us)
{
    return n_bytes * 8 * 1000 / (uint64_t)span_us;
}

/* What was painted between the two. */
static BerthTraffic
get_traffic(const BerthStatsLook *before, const BerthStatsLook *now)
{
    BerthTraffic traffic = { 0 };

    for (int i = 0; i < BERTH_N_TRAFFIC_KINDS; i++) {
        traffic.kinds[i].n_bytes =
            difference(before->stats.traffic.kinds[i].n_bytes, now->stats.traffic.kinds[i].n_bytes);
        traffic.kinds[i].n_px =
            difference(before->stats.traffic.kinds[i].n_px, now->stats.traffic.kinds[i].n_px);
    }
    return traffic;
}

static void
fill_rates(const BerthTraffic *traffic, uint64_t n_bytes, int64_t span_us, BerthStatsReport *ret)
{
    uint64_t bytes[BERTH_N_RATES] = { 0 };
    uint64_t pixel_bytes = 0;

    for (int i = 0; i < BERTH_N_TRAFFIC_KINDS; i++) {
        bytes[classes[i]] += traffic->kinds[i].n_bytes;
        pixel_bytes += traffic->kinds[i].n_bytes;
    }
    bytes[BERTH_RATE_OTHER] = difference(pixel_bytes, n_bytes);
    for (int i = 0; i < BERTH_N_RATES; i++) {
        ret->kbps[i] = to_kbps(bytes[i], span_us);
        ret->all_kbps += ret->kbps[i];
    }
}

static bool
has_pixels(const BerthTraffic *traffic)
{
    uint64_t n_px = 0;

    for (int i = 0; i < BERTH_N_TRAFFIC_KINDS; i++) {
        n_px += traffic->kinds[i].n_px;
    }
    return n_px > 0;
}

static void
fill_health(const BerthStatsLook *before, const BerthStatsLook *now, BerthStatsReport *ret)
{
    uint64_t n_frames = difference(before->stats.n_frames, now->stats.n_frames);
    uint64_t pixels_us = difference(before->stats.pixels_us, now->stats.pixels_us);
    uint64_t present_us = difference(before->stats.present_us, now->stats.present_us);
    BerthHealth *health = &ret->health;

    health->rtt_us = MAX(now->stats.rtt_us, 0);
    health->used_kbps = ret->all_kbps;
    health->has_host_state = now->stats.has_host;
    health->rate_kbps = now->stats.host.rate_kbps;
    health->queue_us = now->stats.host.queue_us;
    health->effort = now->stats.host.effort;
    if (n_frames > 0) {
        health->decode_us = (uint32_t)(pixels_us / n_frames);
        health->paint_us = (uint32_t)(difference(pixels_us, present_us) / n_frames);
    }
    ret->has_parts = berth_input_split_get(&now->stats.split, health->parts_us);
}

void
berth_stats_report_make(const BerthStatsLook *before, const BerthStatsLook *now, unsigned n_resumes,
                        BerthStatsReport *ret)
{
    int64_t span_us = MAX(now->now_us - before->now_us, 1);
    BerthTraffic traffic = get_traffic(before, now);
    uint64_t n_frames = difference(before->stats.n_frames, now->stats.n_frames);

    *ret = (BerthStatsReport){ .host = now->stats.host };
    ret->frames_per_s =
        (unsigned)((n_frames * US_PER_S + (uint64_t)span_us / 2) / (uint64_t)span_us);
    ret->exact_permille =
        berth_traffic_get_exact_permille(has_pixels(&traffic) ? &traffic : &now->stats.traffic);
    fill_rates(&traffic, difference(before->bytes_in, now->bytes_in), span_us, ret);
    fill_health(before, now, ret);
    ret->health.n_resumes = n_resumes;
}

static double
to_ms(uint64_t time_us)
{
    return (double)time_us / 1000;
}

static void
append_parts(GString *text, const BerthStatsReport *self)
{
    const uint32_t *parts_us = self->health.parts_us;
    uint64_t all_us = 0;

    if (!self->has_parts) {
        g_string_append(text, _("Key to pixel: press a key to measure\n"));
        return;
    }
    for (int i = 0; i < BERTH_N_INPUT_PARTS; i++) {
        all_us += parts_us[i];
    }
    g_string_append_printf(text,
                           _("Key to pixel: %.1f ms (network %.1f, desktop %.1f, host %.1f, "
                             "encode %.1f, decode %.1f, paint %.1f)\n"),
                           to_ms(all_us), to_ms(parts_us[BERTH_INPUT_NETWORK]),
                           to_ms(parts_us[BERTH_INPUT_GUEST]), to_ms(parts_us[BERTH_INPUT_WAIT]),
                           to_ms(parts_us[BERTH_INPUT_ENCODE]), to_ms(parts_us[BERTH_INPUT_DECODE]),
                           to_ms(parts_us[BERTH_INPUT_PAINT]));
}

static void
append_host(GString *text, const BerthStatsReport *self)
{
    const BerthHealth *health = &self->health;

    g_string_append_printf(text, _("Round trip: %.1f ms\n"), to_ms((uint64_t)health->rtt_us));
    if (health->has_host_state) {
        g_string_append_printf(
            text,
            _("Line: %.1f Mbit/s, pictures wait %.1f ms in it; photo quality %u, effort %u of 3\n"),
            health->rate_kbps / 1000.0, to_ms(health->queue_us), self->host.photo_quality,
            health->effort);
    }
}

char *
berth_stats_report_format(const BerthStatsReport *self)
{
    GString *text = g_string_new(NULL);
    g_autofree char *slow = berth_slow_sentence(berth_slow_reason(&self->health), &self->health);

    append_parts(text, self);
    g_string_append_printf(
        text, _("Frames: %u in a second, decoded in %.1f ms, painted in %.1f ms\n"),
        self->frames_per_s, to_ms(self->health.decode_us), to_ms(self->health.paint_us));
    g_string_append_printf(
        text, _("Received: %.2f Mbit/s (exact %.2f, photos %.2f, video %.2f, other %.2f)\n"),
        (double)self->all_kbps / 1000, (double)self->kbps[BERTH_RATE_EXACT] / 1000,
        (double)self->kbps[BERTH_RATE_PHOTO] / 1000, (double)self->kbps[BERTH_RATE_VIDEO] / 1000,
        (double)self->kbps[BERTH_RATE_OTHER] / 1000);
    g_string_append_printf(text, _("Exact pixels: %u.%u %%\n"), self->exact_permille / 10,
                           self->exact_permille % 10);
    append_host(text, self);
    if (slow != NULL) {
        slow[0] = g_ascii_toupper(slow[0]);
        g_string_append_printf(text, "%s.\n", slow);
    }
    g_string_truncate(text, text->len - 1);
    return g_string_free(text, FALSE);
}

json_t *
berth_stats_report_slow_to_json(const BerthStatsReport *self)
{
    BerthSlowReason reason = berth_slow_reason(&self->health);
    g_autofree char *sentence = berth_slow_sentence(reason, &self->health);

    return sentence != NULL
               ? json_pack("{s:s, s:s}", "reason", berth_slow_name(reason), "sentence", sentence)
               : json_null();
}
