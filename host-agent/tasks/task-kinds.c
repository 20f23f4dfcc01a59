/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/task-kinds.h"

#include <stddef.h>

const BerthTaskKind *const berth_task_kinds[] = {
    &berth_task_export,
    &berth_task_facts,
    &berth_task_import_backup,
    &berth_task_list_backups,
    &berth_task_rebase,
    &berth_task_remove_point,
    &berth_task_restore,
    &berth_task_run_script,
    &berth_task_seal,
    &berth_task_snapshot,
    &berth_task_disk_export,
    &berth_task_disk_import,
    &berth_task_disk_snapshot,
    &berth_task_disk_restore,
    &berth_task_disk_drop_point,
    NULL,
};
