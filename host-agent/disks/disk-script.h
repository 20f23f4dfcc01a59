/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shell scripts that a user disk needs in the guest, for berth_guest_exec().
 *
 * A disk is found by its serial number, so no name of a device is assumed.  Each may be run twice.
 * Pure; every result is for g_free().
 */
#pragma once

#include "berth/ids.h"
#include "host-agent/disks/disk-wish.h"

/* virtio-blk has no longer ones. */
#define BERTH_DISK_SERIAL_CHARS 20

/* What the scripts exit with. */
#define BERTH_DISK_SCRIPT_NOT_SEEN 20   /* the guest does not show the disk */
#define BERTH_DISK_SCRIPT_NOT_MADE 21   /* mkfs failed */
#define BERTH_DISK_SCRIPT_DAMAGED 22    /* the file system needs a repair that may lose data */
#define BERTH_DISK_SCRIPT_NO_MOUNT 23   /* mount failed */
#define BERTH_DISK_SCRIPT_NO_TOOLS 24   /* the image has no e2fsprogs */
#define BERTH_DISK_SCRIPT_STILL_USED 25 /* it is mounted, and somebody uses it */

/* The serial number that QEMU gives to a disk: the first digits of its id. */
void berth_disk_serial(const BerthId *disk, char ret[BERTH_DISK_SERIAL_CHARS + 1]);

/* Makes the file system.  A disk that is mounted is left alone. */
char *berth_disk_script_format(const BerthMachineDisk *disk);

/* Repairs what can be repaired safely, mounts, gives the folder to the desktop's user, grows. */
char *berth_disk_script_mount(const BerthMachineDisk *disk);

/* Lets the file system fill a disk that has grown. */
char *berth_disk_script_grow(const BerthMachineDisk *disk);

/*
 * Writes everything back and unmounts.
 *
 * is_end:  the machine ends after this: what cannot be unmounted becomes read-only
 */
char *berth_disk_script_leave(const BerthMachineDisk *disk, bool is_end);

/*
 * What an exit status means: BERTH_OK or an error.
 *
 * said:      what the script wrote to its standard error; only its first line is used, if printable
 * ret_text:  a sentence on error, for g_free(); NULL else
 */
int berth_disk_script_read(int status, const char *said, char **ret_text);
