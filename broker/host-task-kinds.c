/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/host-task-kinds.h"

#include "broker/disk-points.h"
#include "broker/restore-points.h"
#include "broker/task-edit.h"

#include <string.h>

static const BerthHostTaskKind kinds[] = {
    { .kind = "facts", .finish = berth_task_facts_finish },
    { .kind = "run-script" },
    { .kind = "seal", .finish = berth_task_seal_finish },
    { .kind = "disk-snapshot", .finish = berth_task_finish_disk_snapshot },
    { .kind = "disk-restore", .finish = berth_task_finish_disk_restore },
    { .kind = "disk-drop-point", .finish = berth_task_finish_disk_drop_point },
    { .kind = "disk-export", .finish = berth_task_finish_disk_export },
    { .kind = "disk-import", .finish = berth_task_finish_disk_import },
    /* Restore points and backups, and other disks for dedicated desktops. */
    { .kind = "snapshot", .finish = berth_task_finish_snapshot },
    { .kind = "restore", .finish = berth_task_finish_restore },
    { .kind = "import-backup", .finish = berth_task_finish_restore },
    { .kind = "rebase", .finish = berth_task_finish_rebase },
    { .kind = "export", .finish = berth_task_finish_export },
    { .kind = "remove-point", .finish = berth_task_finish_remove_point },
    { .kind = "list-backups" },
};

const BerthHostTaskKind *
berth_host_task_kind_find(const char *kind)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i].kind, kind) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}
