/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/site-clock.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <glib.h>
#include <stdlib.h>

#define MILLION (1000LL * 1000)
/* A step of the reference that is worth a line in the log. */
#define JUMP_US (5 * MILLION)

BerthSiteTime
berth_site_time_init(int64_t boot_us, int64_t site_us)
{
    return (BerthSiteTime){ .boot_us = boot_us, .site_us = site_us };
}

int64_t
berth_site_time_now_us(const BerthSiteTime *time, int64_t boot_us)
{
    int64_t passed_us = MAX(boot_us - time->boot_us, 0);
    /* In this order: the product of years and the rate would not fit. */
    int64_t bound_us = passed_us / MILLION * BERTH_SITE_CLOCK_SLEW_PPM +
                       passed_us % MILLION * BERTH_SITE_CLOCK_SLEW_PPM / MILLION;
    return time->site_us + passed_us + CLAMP(time->correct_us, -bound_us, bound_us);
}

void
berth_site_time_steer(BerthSiteTime *time, int64_t boot_us, int64_t reference_us)
{
    int64_t now_us = berth_site_time_now_us(time, boot_us);
    *time = (BerthSiteTime){ .boot_us = MAX(boot_us, time->boot_us),
                             .site_us = now_us,
                             .correct_us = reference_us - now_us };
}

static GMutex mutex;
static BerthSiteTime site; /* under mutex */
static bool is_open;       /* under mutex */

int64_t
berth_site_clock_now_us(void)
{
    g_mutex_lock(&mutex);
    int64_t now_us = is_open ? berth_site_time_now_us(&site, berth_boot_us()) : berth_wall_us();
    g_mutex_unlock(&mutex);
    return now_us;
}

static int
read_reference(BerthTx *tx, int64_t *ret_us)
{
    return berth_tx_get_int(tx, ret_us, BERTH_SQL_SITE_REFERENCE, "i", berth_wall_us());
}

/* How far the site is ahead of the reference, as the leader wrote it; 0 without such a note. */
static int
read_lead(BerthTx *tx, int64_t *ret_lead_us, int64_t *ret_floor_us)
{
    g_autofree char *text = NULL;
    *ret_lead_us = 0;
    *ret_floor_us = 0;
    int error = berth_tx_get_text(tx, &text, BERTH_SQL_META_GET, "s", "site_clock");
    if (error != BERTH_OK) {
        return error == BERTH_ERR_NOT_FOUND ? BERTH_OK : error;
    }
    char *end = NULL;
    int64_t site_us = g_ascii_strtoll(text, &end, 10);
    int64_t reference_us = g_ascii_strtoll(end, NULL, 10);
    if (site_us > 0 && reference_us > 0) {
        *ret_lead_us = site_us - reference_us;
        *ret_floor_us = site_us;
    }
    return BERTH_OK;
}

int
berth_site_clock_open(BerthTx *tx)
{
    int64_t reference_us = 0;
    int64_t lead_us = 0;
    int64_t floor_us = 0;
    int error = read_reference(tx, &reference_us);
    if (error == BERTH_OK) {
        error = read_lead(tx, &lead_us, &floor_us);
    }
    if (error != BERTH_OK) {
        return error;
    }
    g_mutex_lock(&mutex);
    int64_t now_us = MAX(reference_us + lead_us, floor_us);
    if (is_open) {
        now_us = MAX(now_us, berth_site_time_now_us(&site, berth_boot_us()));
    }
    site = berth_site_time_init(berth_boot_us(), now_us);
    is_open = true;
    g_mutex_unlock(&mutex);
    return BERTH_OK;
}

static int64_t
steer(int64_t reference_us)
{
    g_mutex_lock(&mutex);
    int64_t boot_us = berth_boot_us();
    int64_t old_us = site.correct_us;
    berth_site_time_steer(&site, boot_us, reference_us);
    int64_t now_us = site.site_us;
    bool is_jump = llabs(site.correct_us - old_us) > JUMP_US;
    int64_t off_s = site.correct_us / MILLION;
    g_mutex_unlock(&mutex);
    if (is_jump) {
        berth_log_warning("clock",
                          "the clock jumped: the site is %" G_GINT64_FORMAT
                          " s off and works it off slowly, no deadline moves",
                          -off_s);
    }
    return now_us;
}

int
berth_site_clock_keep(BerthTx *tx, bool is_leader)
{
    int64_t reference_us = 0;
    int64_t lead_us = 0;
    int64_t floor_us = 0;
    g_mutex_lock(&mutex);
    bool was_opened = is_open;
    g_mutex_unlock(&mutex);
    int error = was_opened ? read_reference(tx, &reference_us) : BERTH_ERR_STATE;
    if (error == BERTH_OK && !is_leader) {
        error = read_lead(tx, &lead_us, &floor_us);
    }
    if (error != BERTH_OK) {
        return error;
    }
    int64_t site_us = steer(reference_us + lead_us);
    if (!is_leader) {
        return BERTH_OK;
    }
    g_autofree char *text =
        g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT, site_us, reference_us);
    return berth_tx_run(tx, BERTH_SQL_META_SET, "ss", "site_clock", text);
}
