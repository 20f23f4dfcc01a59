/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The agent's report about one machine or session, as the control link spells it.  Pure.
 */
#pragma once

#include "host-agent/session-host.h"
#include "host-agent/vm/vm-fsm.h"
#include "host-agent/vm/vm-spec.h"

#include <jansson.h>

/* A machine that exists here; a new reference. */
json_t *berth_inventory_machine(const BerthVmSpec *spec, BerthVmState state, bool is_frozen,
                                const char *condition);

/* Says of a machine that its QEMU ended by itself and that it is started again soon. */
void berth_inventory_set_ended(json_t *machine);

/*
 * What of an inventory is news: all but usage, progress and the seconds of idleness, of which only
 * counts whether there are any.  A new reference.
 */
json_t *berth_inventory_news(const json_t *inventory);

/* How far images, tasks and disks are: no news, told now and then.  A new reference. */
json_t *berth_inventory_progress(const json_t *inventory);

/* A machine that is wanted but cannot be made; a new reference. */
json_t *berth_inventory_refused_machine(const BerthId *id, uint64_t epoch, int code,
                                        const char *detail);

/* A session; a new reference.  now_us: monotonic. */
json_t *berth_inventory_session(const BerthSessionReport *report, int64_t now_us);
