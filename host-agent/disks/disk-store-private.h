/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the disk store share; nobody else includes it.
 */
#pragma once

#include "host-agent/child.h"
#include "host-agent/disks/disk-journal.h"
#include "host-agent/disks/disk-plan.h"
#include "host-agent/disks/disk-store.h"

typedef enum {
    BERTH_DISK_AT_REST,
    BERTH_DISK_OPENING,
    BERTH_DISK_OPEN,
    BERTH_DISK_CHECKING, /* after it was closed */
    BERTH_DISK_WORKING,  /* on a point */
    BERTH_DISK_TAKEN,    /* by work on its whole file */
} BerthStoredDiskState;

typedef struct {
    BerthDiskStore *store;
    BerthDiskWish wish;
    char hex[BERTH_ID_HEX_CHARS + 1];
    char *path;
    BerthStoredDiskState state;
    bool is_listed;
    bool is_mounted;
    bool has_journal;
    BerthDiskJournal journal;
    uint64_t epoch; /* of whom it is open for */
    BerthId machine;
    int failure; /* BERTH_OK or why its last opening or closing failed */
    char *failure_text;
    int64_t size_mib; /* of the file as it was last seen, 0 before */
    const BerthDiskHolder *holder;
    void *holder_data;
    BerthChild *child;
    BerthDiskStep step; /* what the child does */
    guint answer_source;
    BerthDiskPointAct point_act;
    bool is_point_cleared; /* an older one of that name is gone */
    char point[BERTH_ID_HEX_CHARS + 1];
    BerthDiskDone point_done;
    void *point_data;
    guint point_source;
    int point_code;
    char *point_text;
} BerthStoredDisk;

struct BerthDiskStore {
    BerthDiskStoreConfig config;
    GHashTable *disks; /* BerthId * of the wish -> BerthStoredDisk * */
    bool was_told;     /* which disks the broker lists */
};

/* The disk of that id, made if the store has not heard of it. */
BerthStoredDisk *berth_disk_store_ensure(BerthDiskStore *self, const BerthId *id);

/* Whether no machine has it and nothing is done to it. */
bool berth_stored_disk_is_free(const BerthStoredDisk *disk);

/* Gives a file the name of a disk, to stay when this returns.  Returns the error of the errno. */
int berth_disk_store_commit(BerthDiskStore *self, const char *file, const char *path);
