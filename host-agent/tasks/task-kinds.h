/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kinds of task that a host can do; each is a file task-<kind>.c.
 */
#pragma once

#include "host-agent/tasks/task-kind.h"

extern const BerthTaskKind berth_task_facts;
extern const BerthTaskKind berth_task_run_script;
