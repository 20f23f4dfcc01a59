/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each reason has a number that grows with the trouble and a value from which on people notice it;
 * the one that is most times over its value counts.  Below 100 ms an answer feels immediate, so the
 * parts of a press have shares of that.
 */
#include "client/core/slow-reason.h"

#include <glib.h>
#include <glib/gi18n.h>

#define NOTICED_QUEUE_US 60000
#define NOTICED_RTT_US 120000
#define NOTICED_GUEST_US 120000
#define NOTICED_HOST_US 50000
#define NOTICED_DEVICE_US 50000
#define NOTICED_RESUMES 2
/* A path is full from that share of its rate on, in percent; fast ones are not filled by us. */
#define FULL_PERCENT 80
#define NARROW_KBPS 20000
/* A host that searches nothing any more is busy, as if a press had waited so long. */
#define BUSY_HOST_US 60000
#define BUSY_EFFORT 1

static const char *const names[BERTH_N_SLOW_REASONS] = {
    [BERTH_SLOW_NOT] = "",          [BERTH_SLOW_BREAKS] = "breaks", [BERTH_SLOW_QUEUE] = "queue",
    [BERTH_SLOW_NARROW] = "narrow", [BERTH_SLOW_FAR] = "far",       [BERTH_SLOW_HOST] = "host",
    [BERTH_SLOW_GUEST] = "guest",   [BERTH_SLOW_DEVICE] = "device",
};

/* Percent of its rate that the path has to carry; 0 if it is fast or not known. */
static uint64_t
get_load_percent(const BerthHealth *health)
{
    bool is_narrow = health->rate_kbps > 0 && health->rate_kbps < NARROW_KBPS;

    return is_narrow ? health->used_kbps * 100 / health->rate_kbps : 0;
}

static uint64_t
get_host_us(const BerthHealth *health)
{
    uint64_t host_us =
        (uint64_t)health->parts_us[BERTH_INPUT_WAIT] + health->parts_us[BERTH_INPUT_ENCODE];

    return health->has_host_state && health->effort <= BUSY_EFFORT ? MAX(host_us, BUSY_HOST_US)
                                                                   : host_us;
}

static uint64_t
get_device_us(const BerthHealth *health)
{
    uint64_t frame_us = (uint64_t)health->decode_us + health->paint_us;
    uint64_t press_us =
        (uint64_t)health->parts_us[BERTH_INPUT_DECODE] + health->parts_us[BERTH_INPUT_PAINT];

    return MAX(frame_us, press_us);
}

BerthSlowReason
berth_slow_reason(const BerthHealth *health)
{
    const struct {
        BerthSlowReason reason;
        uint64_t value, noticed;
    } rows[] = {
        { BERTH_SLOW_BREAKS, health->n_resumes, NOTICED_RESUMES },
        { BERTH_SLOW_NARROW, get_load_percent(health), FULL_PERCENT },
        { BERTH_SLOW_QUEUE, health->queue_us, NOTICED_QUEUE_US },
        { BERTH_SLOW_FAR, (uint64_t)MAX(health->rtt_us, 0), NOTICED_RTT_US },
        { BERTH_SLOW_HOST, get_host_us(health), NOTICED_HOST_US },
        { BERTH_SLOW_GUEST, health->parts_us[BERTH_INPUT_GUEST], NOTICED_GUEST_US },
        { BERTH_SLOW_DEVICE, get_device_us(health), NOTICED_DEVICE_US },
    };

    BerthSlowReason worst = BERTH_SLOW_NOT;
    double most = 1.0;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        double times = (double)rows[i].value / (double)rows[i].noticed;

        if (times > most || (times >= 1.0 && worst == BERTH_SLOW_NOT)) {
            worst = rows[i].reason;
            most = times;
        }
    }
    return worst;
}

static unsigned
to_ms(uint64_t time_us)
{
    return (unsigned)(time_us / 1000);
}

char *
berth_slow_sentence(BerthSlowReason reason, const BerthHealth *health)
{
    switch (reason) {
    case BERTH_SLOW_BREAKS:
        return g_strdup(_("the connection is slow because it is lost again and again; go nearer to "
                          "the wireless access point or use a cable"));
    case BERTH_SLOW_QUEUE:
        return g_strdup_printf(
            _("the connection is slow because something else fills the line, and "
              "pictures wait %u ms; stop other transfers"),
            to_ms(health->queue_us));
    case BERTH_SLOW_NARROW:
        return g_strdup_printf(
            _("the connection is slow because the line carries only %.1f Mbit/s, "
              "and the desktop wants more; stop videos or use a faster line"),
            health->rate_kbps / 1000.0);
    case BERTH_SLOW_FAR:
        return g_strdup_printf(_("the connection is slow because the way to the desktop and back "
                                 "takes %u ms; use a cable, or a network nearer to it"),
                               to_ms((uint64_t)health->rtt_us));
    case BERTH_SLOW_HOST:
        return g_strdup_printf(_("the connection is slow because the desktop's host is busy, and "
                                 "pictures wait %u ms there; tell your administrator"),
                               to_ms(get_host_us(health)));
    case BERTH_SLOW_GUEST:
        return g_strdup_printf(_("the desktop itself takes %u ms to answer; close programs in it"),
                               to_ms(health->parts_us[BERTH_INPUT_GUEST]));
    case BERTH_SLOW_DEVICE:
        return g_strdup_printf(_("the connection is slow because this device takes %u ms for a "
                                 "picture; close programs on it or make the window smaller"),
                               to_ms(get_device_us(health)));
    default:
        return NULL;
    }
}

const char *
berth_slow_name(BerthSlowReason reason)
{
    return names[reason];
}
