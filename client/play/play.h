/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `berth play`: shows a recording in a window, saves a picture of it, or tells what it is.
 * Thread: main.
 */
#pragma once

#include "client/play/player.h"

#include <glib.h>

typedef struct {
    char *path;
    double at_s; /* where to start */
    int head;
    char *screenshot; /* PNG to save; NULL: none */
    gboolean is_headless, shows_info;
} BerthPlayOptions;

/*
 * Shows a window until it is closed; returns the exit status.  Given by the program, so that this
 * part needs no toolkit.
 */
typedef int (*BerthPlayWindowFunc)(const BerthPlayOptions *options, BerthPlayer *player,
                                   const BerthRecordingReader *reader);

/* argv[0] is "play".  Returns the exit status: 0, 1 for a wrong command line, 2 for a bad file. */
int berth_play_main(int argc, char **argv, BerthPlayWindowFunc show_window);
