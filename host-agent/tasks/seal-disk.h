/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes a file of the host's image store of the disk of a machine that is off: the overlay and all
 * below it become one raw sparse file, which gets its chunk list and its name.
 *
 * qemu-img runs as a child, reading and hashing in a worker thread.  Whatever was half made is
 * removed.  Thread: main.
 */
#pragma once

#include "base/depot/chunk-list.h"
#include "base/depot/store-folder.h"
#include "host-agent/vm/vm.h"

#include <glib.h>

typedef struct BerthSealDisk BerthSealDisk;

typedef struct {
    const BerthVmHost *host;  /* borrowed */
    BerthStoreFolder *folder; /* where the file comes to; borrowed */
    const char *overlay_path; /* copied */
    const char *raw_path;     /* copied; a name on the store's file system for what is half made */
    uint64_t used_bytes;      /* what the guest says its disk holds, for the progress; 0: unknown */
    void (*on_progress)(int pct, void *user_data);
    /*
     * The end; the job is freed.
     *
     * code, text:  BERTH_OK, or BERTH_ERR_DISK_FULL, BERTH_ERR_IO, ... and a sentence
     * list:        of the file; borrowed, NULL on error
     */
    void (*done)(int code, const char *text, const BerthChunkList *list, void *user_data);
    void *user_data;
} BerthSealDiskConfig;

/* Starts.  Returns NULL if qemu-img cannot be started. */
BerthSealDisk *berth_seal_disk_new(const BerthSealDiskConfig *config, GError **error);

/* Stops and removes what is half made; done is not called.  NULL is allowed. */
void berth_seal_disk_cancel(BerthSealDisk *self);
