/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One console of QEMU's D-Bus display as a head: its listener connection and its size.
 *
 * The listener connection is a socket pair whose other end QEMU gets with RegisterListener; QEMU
 * calls us there with pixels and never waits for a reply, so whatever we do not read piles up in
 * QEMU.  A message filter handles those calls in GDBus's own thread, which therefore always drains;
 * see dbus-reader.h.
 *
 * Callbacks come from the main context, none after berth_qemu_console_close().  Thread: main.
 */
#pragma once

#include "host-agent/session/screen.h"

#include <gio/gio.h>
#include <stdbool.h>

typedef struct BerthQemuConsole BerthQemuConsole;

typedef struct {
    /* The listener is up: pictures may come. */
    void (*up)(BerthQemuConsole *console, void *user_data);
    /* It gives no pictures, or no more; said once.  text: borrowed. */
    void (*ended)(BerthQemuConsole *console, const char *text, void *user_data);
} BerthQemuConsoleCallbacks;

/*
 * Takes the console of a number, which need not exist; nothing is shown yet.
 *
 * peer, screen: a reference is taken;  callbacks: borrowed, must outlive the console
 */
BerthQemuConsole *berth_qemu_console_new(GDBusConnection *peer, int number, BerthScreen *screen,
                                         const BerthQemuConsoleCallbacks *callbacks,
                                         void *user_data);

/* Detaches and frees.  NULL is allowed. */
void berth_qemu_console_close(BerthQemuConsole *self);

/*
 * Begins to show it.  Errors that show at once; later ones come by `ended`, also that there is no
 * graphic console of this number.
 */
bool berth_qemu_console_attach(BerthQemuConsole *self, GError **error);

int berth_qemu_console_get_number(const BerthQemuConsole *self);

/* D-Bus object of a console.  Owned by the caller. */
char *berth_qemu_console_path(int number);
