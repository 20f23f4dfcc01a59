/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What has to be done next before a user disk may be given to a machine.
 *
 * Asked again after each step until it says OPEN or refuses.  Nothing is made where something was:
 * a file that is missing although a host had it is a refusal, not a new disk.  Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t wish_epoch;
    int64_t wish_size_mib;
    bool is_new; /* the broker knows of no host that ever had it */
    bool has_journal;
    uint64_t journal_epoch;
    bool is_formatted;
    bool was_open; /* nobody has looked at it since some QEMU had it */
    bool has_file;
    bool is_header_good;
    int64_t size_mib; /* of the file, as the guest sees it */
} BerthDiskFacts;

typedef enum {
    BERTH_DISK_STEP_OPEN,    /* write the journal and hand it out */
    BERTH_DISK_STEP_MAKE,    /* make the file */
    BERTH_DISK_STEP_CHECK,   /* qemu-img check */
    BERTH_DISK_STEP_GROW,    /* make the file larger */
    BERTH_DISK_STEP_STALE,   /* a younger lease was here: refuse */
    BERTH_DISK_STEP_MISSING, /* its file is gone: refuse */
    BERTH_DISK_STEP_DAMAGED, /* its header is not ours: refuse */
} BerthDiskStep;

/* The next step.  Pure. */
BerthDiskStep berth_disk_plan(const BerthDiskFacts *facts);
