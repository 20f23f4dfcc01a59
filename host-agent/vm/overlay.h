/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The private disk of a VM: a qcow2 overlay on the golden image or on a template's frozen disk.
 *
 * Made by qemu-img as a child beside the main loop; a failed or cancelled one leaves no file.
 * Thread: main.
 */
#pragma once

#include "host-agent/child.h"

#include <glib.h>

typedef struct BerthOverlayJob BerthOverlayJob;

/* The overlay is there (BERTH_OK) or not: BERTH_ERR_DISK_FULL, BERTH_ERR_IO, BERTH_ERR_TIMEOUT. */
typedef void (*BerthOverlayDone)(int code, const char *text, void *user_data);

/*
 * Starts to make path on top of backing_path (format "qcow2" or "raw").
 *
 * The job frees itself after done; NULL if qemu-img could not be started.
 */
BerthOverlayJob *berth_overlay_create(BerthPoller *poller, const char *qemu_img,
                                      const char *backing_path, const char *backing_format,
                                      const char *path, BerthOverlayDone done, void *user_data,
                                      GError **error);

/* Stops a job and removes the half-made file; done is not called.  NULL is allowed. */
void berth_overlay_cancel(BerthOverlayJob *job);

/* Error of a failed qemu-img run by what it wrote.  Pure. */
int berth_overlay_classify(int status, const char *output);

/*
 * Copies an empty overlay, whose backing file is named without a folder, to another one: a hundred
 * times faster than making one, and the same for every size of disk.
 *
 * Errors: BERTH_ERR_NOT_FOUND, BERTH_ERR_DISK_FULL, BERTH_ERR_TOO_LARGE, BERTH_ERR_IO; nothing is
 * left then.
 */
int berth_overlay_copy(const char *from, const char *to);
