/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `berth`: the client with a window.
 */
#pragma once

/*
 * Runs it until the window is closed.  Returns the exit status: 0, or 1 for a wrong command line.
 * Thread: main.
 */
int berth_application_main(int argc, char **argv);
