/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a host knows about one user disk, beside its file: <id>.json in the folder of disks.
 *
 * Written whole by rename before anything is done that it tells of, so that a host that died half
 * way, or another one on the same shared folder, never guesses: a disk is formatted only while its
 * journal says that it never was.
 */
#pragma once

#include "berth/ids.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t epoch;    /* highest lease that it was opened by; an older one is refused */
    bool is_formatted; /* its file system was made; never again */
    bool is_open;      /* some QEMU has it, or had it and nobody looked since */
    BerthId machine;   /* the last one that had it; zero before the first */
} BerthDiskJournal;

/*
 * Reads the journal of a disk; ret_is_there is false if there is none.
 *
 * folder:  of the disks
 * hex_id:  32 hexadecimal digits
 *
 * Errors: BERTH_ERR_CORRUPT, BERTH_ERR_IO.
 */
bool berth_disk_journal_load(const char *folder, const char *hex_id, BerthDiskJournal *ret,
                             bool *ret_is_there, GError **error);

/* Writes it, to stay.  Errors: BERTH_ERR_DISK_FULL, BERTH_ERR_IO. */
bool berth_disk_journal_save(const BerthDiskJournal *self, const char *folder, const char *hex_id,
                             GError **error);

/* Removes it. */
void berth_disk_journal_remove(const char *folder, const char *hex_id);
