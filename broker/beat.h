/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The regular work of a broker: the tick of the site if this broker holds its lease, the site
 * clock, and timers that are due.
 *
 * Once a second, and as soon as possible when it is asked for.  Thread: main; the work itself runs
 * in the writer.
 */
#pragma once

#include <stdint.h>

typedef struct BerthBeat BerthBeat;
typedef struct BerthBroker BerthBroker;

/* keep_us: how long history is kept. */
BerthBeat *berth_beat_new(BerthBroker *broker, int64_t keep_us);

/*
 * Ends it.  Work that is under way ends unseen; its done functions need the store to be freed
 * later.  NULL is allowed.
 */
void berth_beat_free(BerthBeat *beat);

/* Plans as soon as possible: something was written. */
void berth_beat_hurry(BerthBeat *beat);

/* Another second is over. */
void berth_beat_second(BerthBeat *beat);
