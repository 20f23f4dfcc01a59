/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a listener of QEMU's D-Bus display says to a call: an answer or a refusal, unless the caller
 * wants none.
 *
 * Thread: any.
 */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

/* body: taken if it floats; NULL answers without arguments */
void berth_dbus_answer(GDBusConnection *connection, GDBusMessage *message, GVariant *body);

/* code: BERTH_ERR_* */
void berth_dbus_refuse(GDBusConnection *connection, GDBusMessage *message, int code);

/*
 * Answers GetAll of the properties: QEMU asks what else a listener can do.
 *
 * interfaces:  ended by NULL
 *
 * Returns false, and does nothing, if the message is another one.
 */
bool berth_dbus_answer_properties(GDBusConnection *connection, GDBusMessage *message,
                                  const char *const *interfaces);
