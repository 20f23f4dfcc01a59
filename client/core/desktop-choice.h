/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which desktop opens by itself.  Pure.  Thread: any.
 */
#pragma once

#include "client/core/broker-json.h"

#include <glib.h>
#include <stdbool.h>

/*
 * The desktop that was asked for by name or id; without one the only one there is.
 *
 * desktops:    of BerthDesktop
 * wanted:      NULL if none was asked for
 * takes_only:  whether the only one opens, unless it is disabled
 *
 * Borrowed; NULL if there is none.
 */
const BerthDesktop *berth_desktop_choose(GPtrArray *desktops, const char *wanted, bool takes_only);
