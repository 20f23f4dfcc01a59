/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * berth: the client.  `berth probe` and `berth play --headless` need no display and start no
 * toolkit.
 */
#include "client/core/translation.h"
#include "client/gtk/application.h"
#include "client/gtk/play-window.h"
#include "client/play/play.h"
#include "client/probe/probe.h"

#include <string.h>

int
main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "probe") == 0) {
        return berth_probe_main(argc - 1, argv + 1);
    }
    berth_translation_start();
    if (argc > 1 && strcmp(argv[1], "play") == 0) {
        return berth_play_main(argc - 1, argv + 1, berth_play_window_run);
    }
    return berth_application_main(argc, argv);
}
