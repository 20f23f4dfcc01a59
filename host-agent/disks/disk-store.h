/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The user disks in one folder: <id>.qcow2 with its journal <id>.json.
 *
 * The folder is this host's own, or one that several hosts share.  A disk is in one of these
 * states: at rest; being made ready for a machine; open, from berth_disk_store_open() or _adopt()
 * until berth_disk_store_close(); being checked after that; taken by work on its whole file.  It is
 * opened by one machine at a time, by the epoch of its lease: an older epoch than the journal's is
 * refused, and QEMU's lock on the file is the second witness.  Files are made by qemu-img beside
 * the main loop; a disk that somebody had is never made anew and never formatted again.  Thread:
 * main.
 */
#pragma once

#include "base/poller.h"
#include "berth/ids.h"
#include "host-agent/disks/disk-wish.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Behind the path of a disk: a file that is half made.  They go with the disk. */
#define BERTH_DISK_PART_SUFFIX ".part"
#define BERTH_DISK_RAW_SUFFIX ".raw"

typedef struct BerthDiskStore BerthDiskStore;

typedef struct {
    BerthPoller *poller;
    const char *folder; /* made if it is missing */
    const char *qemu_img_program;
    void (*on_changed)(void *user_data); /* the report is another one */
    void *user_data;
} BerthDiskStoreConfig;

/* Who has a disk.  Both are called from the loop, never inside a call to the store. */
typedef struct {
    /*
     * The answer to berth_disk_store_open().
     *
     * code:          BERTH_OK, or why not, with a sentence in text
     * path:          of the file, borrowed; NULL on error
     * is_formatted:  whether it has a file system already
     */
    void (*opened)(int code, const char *path, bool is_formatted, const char *text,
                   void *user_data);
    /* The disk should be larger: grow it in QEMU, then call berth_disk_store_set_grown(). */
    void (*size_wanted)(int64_t size_mib, void *user_data);
} BerthDiskHolder;

/* New store.  config: copied, its strings borrowed. */
BerthDiskStore *berth_disk_store_new(const BerthDiskStoreConfig *config);

/* Ends what is being made; open disks stay with their machines.  NULL is allowed. */
void berth_disk_store_free(BerthDiskStore *self);

/*
 * Takes the list of disks in the desired state: what is absent goes, what is left out is forgotten
 * unless it is open, and stays in the folder.
 *
 * disks:         array, borrowed; an entry that is wrong is logged and left out
 * is_safe_mode:  nothing goes
 */
void berth_disk_store_want(BerthDiskStore *self, const json_t *disks, bool is_safe_mode);

/* All listed disks as docs/PROTOCOL-CONTROL.md says; a new reference. */
json_t *berth_disk_store_report(BerthDiskStore *self);

/*
 * Makes a disk ready and hands it out; holder->opened follows.
 *
 * holder:  borrowed until the disk is closed
 *
 * Errors in opened: BERTH_ERR_NOT_FOUND if it is not wished for or its file is missing,
 * BERTH_ERR_STALE_EPOCH, BERTH_ERR_BUSY, BERTH_ERR_CORRUPT, BERTH_ERR_UNTRUSTED,
 * BERTH_ERR_DISK_FULL, BERTH_ERR_IO, BERTH_ERR_TIMEOUT.
 */
void berth_disk_store_open(BerthDiskStore *self, const BerthMachineDisk *disk,
                           const BerthId *machine, const BerthDiskHolder *holder, void *user_data);

/*
 * As open, for a machine that runs since before the agent started: if the journal says that it had
 * the disk by this lease, it has it, and nothing is looked at.
 *
 * Returns the path, borrowed, or NULL if it did not have it: open it then.
 */
const char *berth_disk_store_adopt(BerthDiskStore *self, const BerthMachineDisk *disk,
                                   const BerthId *machine, const BerthDiskHolder *holder,
                                   void *user_data, bool *ret_is_formatted);

/* Its file system was made; false if that could not be written down. */
bool berth_disk_store_set_formatted(BerthDiskStore *self, const BerthId *disk);

/* The guest has it mounted: the user may come. */
void berth_disk_store_set_mounted(BerthDiskStore *self, const BerthId *disk);

/* The guest cannot use it; it stays open until it is closed.  text: copied. */
void berth_disk_store_set_failed(BerthDiskStore *self, const BerthId *disk, int code,
                                 const char *text);

/* It was grown in QEMU. */
void berth_disk_store_set_grown(BerthDiskStore *self, const BerthId *disk, int64_t size_mib);

/* A point inside the file that a disk can return to. */
typedef enum {
    BERTH_DISK_POINT_KEEP,   /* makes it; one of that name is replaced */
    BERTH_DISK_POINT_RETURN, /* the disk is again as it was then */
    BERTH_DISK_POINT_DROP,   /* forgets it; one that is not there is no mistake */
} BerthDiskPointAct;

typedef void (*BerthDiskDone)(int code, const char *text, void *user_data);

/* Whether no machine has a disk and nothing is done to it. */
bool berth_disk_store_is_free(BerthDiskStore *self, const BerthId *disk);

/*
 * Works on a point of a disk that no machine has; done follows from the loop.
 *
 * point:  32 hexadecimal digits
 *
 * Errors in done: BERTH_ERR_BUSY if it is open, BERTH_ERR_NOT_FOUND, and those of opening.
 */
void berth_disk_store_point(BerthDiskStore *self, const BerthId *disk, BerthDiskPointAct act,
                            const char *point, BerthDiskDone done, void *user_data);

/* Whoever asked does not want to hear of it any more. */
void berth_disk_store_forget_point(BerthDiskStore *self, const BerthId *disk);

/*
 * Takes a disk that no machine has, for work on its whole file: nobody gets it until it is given
 * back.
 *
 * Returns the path, borrowed until then, or NULL: somebody else has it.
 */
const char *berth_disk_store_take(BerthDiskStore *self, const BerthId *disk);

/* Whether a disk that was taken has a file system, or may have one. */
bool berth_disk_store_is_formatted(BerthDiskStore *self, const BerthId *disk);

/* Whether a disk that was taken was looked at since a machine had it. */
bool berth_disk_store_is_clean(BerthDiskStore *self, const BerthId *disk);

/*
 * Makes a file the one of a disk that was taken and has none: to stay when this returns.
 *
 * file:  on the same file system; it has the name of the disk then
 *
 * Errors: BERTH_ERR_EXISTS if the disk has a file, BERTH_ERR_DISK_FULL, BERTH_ERR_IO.
 */
bool berth_disk_store_place(BerthDiskStore *self, const BerthId *disk, const char *file,
                            bool is_formatted, GError **error);

/* Gives a disk back that was taken. */
void berth_disk_store_give_back(BerthDiskStore *self, const BerthId *disk);

/* What the wish says of a disk; NULL if there is none.  Borrowed. */
const BerthDiskWish *berth_disk_store_find_wish(BerthDiskStore *self, const BerthId *disk);

/*
 * No QEMU of this host has it any more: it is checked, then it is at rest.  Nothing happens unless
 * this machine has it.  The holder is not called any more.
 */
void berth_disk_store_close(BerthDiskStore *self, const BerthId *disk, const BerthId *machine);
