/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * berth: the client.  `berth probe` needs no display and starts no toolkit.
 */
#include "client/gtk/application.h"
#include "client/probe/probe.h"

#include <string.h>

int
main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "probe") == 0) {
        return berth_probe_main(argc - 1, argv + 1);
    }
    return berth_application_main(argc, argv);
}
