/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The window of `berth play`: the picture, and under it play and pause, the time and the speed.
 * Thread: main.
 */
#pragma once

#include "client/play/play.h"

/* Shows the recording until the window is closed; see BerthPlayWindowFunc. */
int berth_play_window_run(const BerthPlayOptions *options, BerthPlayer *player,
                          const BerthRecordingReader *reader);
