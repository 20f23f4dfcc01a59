/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sandbox of a session process: no file, no new socket but socket pairs, no process.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * Enters it for ever; before other threads are started.
 *
 * Errors: those of berth_sandbox_enter().
 */
bool berth_session_sandbox_enter(GError **error);
