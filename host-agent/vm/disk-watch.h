/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Notices that QEMU paused a guest because its disk cannot grow, and lets it go on when it can.
 *
 * Now and then the guest is let go on; if no new error follows for a moment, there is room again.
 * Thread: main.
 */
#pragma once

#include "host-agent/vm/qmp.h"

#include <stdbool.h>

typedef struct BerthDiskWatch BerthDiskWatch;

/* Times, which only tests change. */
typedef struct {
    int retry_ms; /* from the pause to the next try */
    int calm_ms;  /* without an error after a try, until the disk counts as good */
} BerthDiskWatchTimes;

/*
 * New watch over a disk that is good.
 *
 * times:       NULL: the usual ones
 * on_changed:  called when berth_disk_watch_is_full() changed
 */
BerthDiskWatch *berth_disk_watch_new(const BerthDiskWatchTimes *times,
                                     void (*on_changed)(void *user_data), void *user_data);

/* Frees the watch; NULL is allowed. */
void berth_disk_watch_free(BerthDiskWatch *self);

/*
 * Gives the watch a monitor that is ready; asks it whether the guest is paused already.
 *
 * qmp:  borrowed until berth_disk_watch_detach(), which must be called before it is freed
 */
void berth_disk_watch_attach(BerthDiskWatch *self, BerthQmp *qmp);

/* Takes the monitor away; nothing is sent until there is a new one. */
void berth_disk_watch_detach(BerthDiskWatch *self);

/* Tells the watch of an event of the monitor; data may be NULL. */
void berth_disk_watch_event(BerthDiskWatch *self, const char *name, const json_t *data);

/* Whether the guest is paused for want of space. */
bool berth_disk_watch_is_full(const BerthDiskWatch *self);
