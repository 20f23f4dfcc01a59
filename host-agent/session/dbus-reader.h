/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Our end of org.qemu.Display1.Listener: turns QEMU's calls into writes to a screen.
 *
 * It is a GDBus message filter, so it runs in GDBus's worker thread, which reads the socket as
 * fast as QEMU writes it.  Every argument is checked by dbus-listener.c; a call that fails the
 * check is logged a few times and dropped.
 */
#pragma once

#include "host-agent/session/screen.h"

#include <gio/gio.h>

typedef struct BerthDbusReader BerthDbusReader;

/* Makes a reader that writes to a screen, of which it holds a reference. */
BerthDbusReader *berth_dbus_reader_new(BerthScreen *screen);

/* GDestroyNotify; reader: a BerthDbusReader. */
void berth_dbus_reader_free(gpointer reader);

/*
 * GDBusMessageFilterFunction; reader: a BerthDbusReader.
 *
 * Thread: GDBus's worker.
 */
GDBusMessage *berth_dbus_reader_filter(GDBusConnection *connection, GDBusMessage *message,
                                       gboolean is_incoming, gpointer reader);
