/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/site-clock.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

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

/* What the leader wrote down: "SITE REFERENCE BOOT_US BOOT_ID"; zeros without such a note. */
typedef struct {
    int64_t site_us;
    int64_t lead_us;  /* of the site before the reference */
    int64_t boot_us;  /* its clock since boot ... */
    bool is_our_boot; /* ... is ours */
} Note;

static char *
dup_boot_id(void)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &text, NULL, NULL)) {
        return g_strdup("");
    }
    return g_strstrip(g_steal_pointer(&text));
}

static void
parse_note(const char *text, Note *note)
{
    char *end = NULL;
    g_autofree char *boot_id = dup_boot_id();
    int64_t site_us = g_ascii_strtoll(text, &end, 10);
    int64_t reference_us = g_ascii_strtoll(end, &end, 10);
    int64_t boot_us = g_ascii_strtoll(end, &end, 10);
    if (site_us > 0 && reference_us > 0) {
        *note = (Note){ .site_us = site_us,
                        .lead_us = site_us - reference_us,
                        .boot_us = boot_us,
                        .is_our_boot =
                            boot_id[0] != '\0' && end[0] == ' ' && strcmp(end + 1, boot_id) == 0 };
    }
}

static int
read_note(BerthTx *tx, Note *note)
{
    g_autofree char *text = NULL;
    *note = (Note){ 0 };
    int error = berth_tx_get_text(tx, &text, BERTH_SQL_META_GET, "s", "site_clock");
    if (error == BERTH_OK) {
        parse_note(text, note);
    }
    return error == BERTH_ERR_NOT_FOUND ? BERTH_OK : error;
}

/*
 * On the machine that wrote the note, unless it was booted since, its clock since boot says how
 * much time has passed, whatever was done to the wall clock while no broker ran; else the reference
 * does.
 */
static int64_t
reckon(const Note *note, int64_t reference_us, int64_t boot_us)
{
    if (note->is_our_boot && boot_us >= note->boot_us) {
        return note->site_us + (boot_us - note->boot_us);
    }
    return MAX(reference_us + note->lead_us, note->site_us);
}

int
berth_site_clock_open(BerthTx *tx)
{
    Note note;
    int64_t reference_us = 0;
    int error = read_reference(tx, &reference_us);
    if (error == BERTH_OK) {
        error = read_note(tx, &note);
    }
    if (error != BERTH_OK) {
        return error;
    }
    g_mutex_lock(&mutex);
    int64_t now_us = reckon(&note, reference_us, berth_boot_us());
    if (is_open) {
        now_us = MAX(now_us, berth_site_time_now_us(&site, berth_boot_us()));
    }
    site = berth_site_time_init(berth_boot_us(), now_us);
    is_open = true;
    g_mutex_unlock(&mutex);
    return BERTH_OK;
}

static int64_t
steer(int64_t reference_us, int64_t *ret_boot_us)
{
    g_mutex_lock(&mutex);
    int64_t boot_us = berth_boot_us();
    *ret_boot_us = boot_us;
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
    Note note = { 0 };
    int64_t reference_us = 0;
    g_mutex_lock(&mutex);
    bool was_opened = is_open;
    g_mutex_unlock(&mutex);
    int error = was_opened ? read_reference(tx, &reference_us) : BERTH_ERR_STATE;
    if (error == BERTH_OK && !is_leader) {
        error = read_note(tx, &note);
    }
    if (error != BERTH_OK) {
        return error;
    }
    int64_t boot_us = 0;
    int64_t site_us = steer(reference_us + note.lead_us, &boot_us);
    if (!is_leader) {
        return BERTH_OK;
    }
    g_autofree char *boot_id = dup_boot_id();
    g_autofree char *text =
        g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s",
                        site_us, reference_us, boot_us, boot_id);
    return berth_tx_run(tx, BERTH_SQL_META_SET, "ss", "site_clock", text);
}
