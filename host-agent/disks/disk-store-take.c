/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Disks that work on their whole files has: copies to backups and back.
 */
#include "host-agent/disks/disk-store-private.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "berth/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static bool
sync_path(const char *path)
{
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0;
}

int
berth_disk_store_commit(BerthDiskStore *self, const char *file, const char *path)
{
    bool is_there = sync_path(file) && rename(file, path) == 0 && sync_path(self->config.folder);
    return is_there ? BERTH_OK : berth_error_from_errno(errno);
}

const char *
berth_disk_store_take(BerthDiskStore *self, const BerthId *id)
{
    BerthStoredDisk *disk = berth_disk_store_ensure(self, id);
    if (!berth_stored_disk_is_free(disk)) {
        return NULL;
    }
    disk->state = BERTH_DISK_TAKEN;
    self->config.on_changed(self->config.user_data);
    return disk->path;
}

bool
berth_disk_store_is_formatted(BerthDiskStore *self, const BerthId *id)
{
    const BerthStoredDisk *disk = g_hash_table_lookup(self->disks, id);
    return disk == NULL || !disk->has_journal || disk->journal.is_formatted;
}

bool
berth_disk_store_is_clean(BerthDiskStore *self, const BerthId *id)
{
    const BerthStoredDisk *disk = g_hash_table_lookup(self->disks, id);
    return disk != NULL && disk->has_journal && !disk->journal.is_open;
}

/* The journal comes first, as for a file that is made here. */
bool
berth_disk_store_place(BerthDiskStore *self, const BerthId *id, const char *file, bool is_formatted,
                       GError **error)
{
    BerthStoredDisk *disk = berth_disk_store_ensure(self, id);
    if (access(disk->path, F_OK) == 0) {
        return berth_set_error(error, BERTH_ERR_EXISTS, "there is a file \"%s\" already",
                               disk->path);
    }
    disk->journal = (BerthDiskJournal){ .is_formatted = is_formatted };
    if (!berth_disk_journal_save(&disk->journal, self->config.folder, disk->hex, error)) {
        return false;
    }
    disk->has_journal = true;
    int code = berth_disk_store_commit(self, file, disk->path);
    return code == BERTH_OK || berth_set_error(error, code, "cannot bring \"%s\" to its place: %s",
                                               disk->path, berth_error_sentence(code));
}

void
berth_disk_store_give_back(BerthDiskStore *self, const BerthId *id)
{
    BerthStoredDisk *disk = g_hash_table_lookup(self->disks, id);
    if (disk != NULL && disk->state == BERTH_DISK_TAKEN) {
        disk->state = BERTH_DISK_AT_REST;
        self->config.on_changed(self->config.user_data);
    }
}
