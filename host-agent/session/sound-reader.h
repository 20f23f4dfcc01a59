/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Our end of org.qemu.Display1.AudioOutListener and AudioInListener: QEMU's calls, checked, into
 * the sound room.
 *
 * The filter runs in GDBus's own thread.  QEMU waits in its main loop for the answer to Read, so
 * the guest stands still until it has one: nothing here waits for anybody.
 */
#pragma once

#include "host-agent/session/sound-room.h"

#include <gio/gio.h>

typedef struct BerthSoundReader BerthSoundReader;

/* room: a reference is taken.  Free it with the filter (GDestroyNotify). */
BerthSoundReader *berth_sound_reader_new(BerthSoundRoom *room);
void berth_sound_reader_free(gpointer reader);

/* GDBusMessageFilterFunction of a listener's connection. */
GDBusMessage *berth_sound_reader_filter(GDBusConnection *connection, GDBusMessage *message,
                                        gboolean is_incoming, gpointer reader);
