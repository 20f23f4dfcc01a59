/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When something was, as people say it.  Pure; thread: any.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

/*
 * "today, 14:05", "yesterday, 14:05", "5 days ago", "2024-03-01", in the zone of now.
 *
 * at_us: microseconds since 1970; 0, and what is in the future or out of range, is ""
 *
 * Owned.
 */
char *berth_ago_text(int64_t at_us, GDateTime *now);
