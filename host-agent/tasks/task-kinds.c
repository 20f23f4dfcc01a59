/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/task-kinds.h"

#include <stddef.h>

const BerthTaskKind *const berth_task_kinds[] = {
    &berth_task_facts,
    &berth_task_run_script,
    NULL,
};
