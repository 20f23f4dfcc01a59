/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The agent of one X session: joins the port to the host with clipboards, keyboard and files.
 *
 * Thread: main.  Source: docs/PROTOCOL-GUEST.md.
 */
#pragma once

#include <glib.h>

typedef struct BerthSessionAgent BerthSessionAgent;

/*
 * path: of the port's device
 *
 * Returns NULL with error set: of berth_agent_port_open().
 */
BerthSessionAgent *berth_session_agent_new(const char *path, GError **error);

/* NULL is allowed. */
void berth_session_agent_free(BerthSessionAgent *self);
