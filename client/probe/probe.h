/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `berth probe`: a client without a window, for monitors, tests and scripts.
 */
#pragma once

/*
 * Runs the probe.
 *
 * argv: argv[0] is "probe"
 *
 * Returns the exit status (BerthProbeExit).  Thread: main.
 */
int berth_probe_main(int argc, char **argv);
