/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of one RAM template in a folder of their own, and the marker that makes them count.
 *
 * The marker is written last.  It tells for each file what it was when the template was frozen, so
 * that one which was cut off, replaced or written to since is found out before anything is forked
 * from it.  Nothing is synced to the disk: a template only counts in the boot that made it.
 * Thread: main.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define BERTH_TEMPLATE_RAM "ram"
#define BERTH_TEMPLATE_STATE "state"
/* The disk, and an empty overlay whose backing file is "base.qcow2" in its own folder. */
#define BERTH_TEMPLATE_BASE "base.qcow2"
#define BERTH_TEMPLATE_OVERLAY "overlay.qcow2"

typedef struct {
    char *qemu_version;
    bool has_disk;
    bool has_shell; /* its guest's agent runs scripts: forks can be told who they are */
} BerthTemplateMarker;

/* Writes the marker of a folder whose files are complete. */
bool berth_template_folder_mark(const char *folder, const BerthTemplateMarker *marker,
                                GError **error);

/*
 * Reads the marker and compares the files with it.
 *
 * ret:         filled on success; clear it with berth_template_marker_clear()
 * ret_detail:  set on BERTH_ERR_CORRUPT to a sentence for g_free()
 *
 * Errors: BERTH_ERR_NOT_FOUND (none, or of an earlier boot), BERTH_ERR_CORRUPT.
 */
int berth_template_folder_check(const char *folder, BerthTemplateMarker *ret, char **ret_detail);

/* MiB that the files take on the disk and in the page cache; 0 if they are not there. */
int berth_template_folder_get_mib(const char *folder);

/* Notes that it is used or wanted now; berth_template_folder_get_age_us() tells how long ago. */
void berth_template_folder_touch(const char *folder);
int64_t berth_template_folder_get_age_us(const char *folder);

void berth_template_marker_clear(BerthTemplateMarker *marker);
