/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kinds of task that a host can do; most are a file task-<kind>.c.
 */
#pragma once

#include "host-agent/tasks/task-kind.h"

extern const BerthTaskKind berth_task_facts;
extern const BerthTaskKind berth_task_run_script;

/* task-snapshot.c, task-change-disk.c, task-backup.c */
extern const BerthTaskKind berth_task_snapshot;
extern const BerthTaskKind berth_task_restore;
extern const BerthTaskKind berth_task_import_backup;
extern const BerthTaskKind berth_task_rebase;
extern const BerthTaskKind berth_task_export;
extern const BerthTaskKind berth_task_list_backups;
extern const BerthTaskKind berth_task_remove_point;
extern const BerthTaskKind berth_task_seal;
extern const BerthTaskKind berth_task_disk_snapshot;
extern const BerthTaskKind berth_task_disk_restore;
extern const BerthTaskKind berth_task_disk_drop_point;

/* task-backup.c, task-import-disk.c */
extern const BerthTaskKind berth_task_disk_export;
extern const BerthTaskKind berth_task_disk_import;
