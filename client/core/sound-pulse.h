/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loudspeaker and microphone by libpulse: PulseAudio, and PipeWire that speaks its protocol.
 *
 * Connects when sound comes first, and again when a server that went has come back.  Where there
 * is no server nothing is heard, and that is all.
 *
 * Thread: main; libpulse has one of its own, in which the callbacks run.
 */
#pragma once

#include "client/core/sound-device.h"

/* name: of the application for the mixer.  Connects to nothing yet. */
BerthSoundDevice *berth_sound_pulse_new(const char *name);
