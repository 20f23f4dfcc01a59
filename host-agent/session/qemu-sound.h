/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sound of QEMU's D-Bus display: registers our listeners at org.qemu.Display1.Audio.
 *
 * The listener of what is played is there all the time; the one of the microphone only while a
 * client has one, because QEMU stands still while it waits for what we say of it.  A QEMU without
 * sound stays silent, and that is all.
 *
 * Thread: main.
 */
#pragma once

#include "host-agent/session/sound-room.h"

#include <gio/gio.h>

typedef struct BerthQemuSound BerthQemuSound;

/* peer, room: a reference is taken. */
BerthQemuSound *berth_qemu_sound_new(GDBusConnection *peer, BerthSoundRoom *room);

/* Detaches and frees.  NULL is allowed. */
void berth_qemu_sound_close(BerthQemuSound *self);
