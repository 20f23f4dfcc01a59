/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells a service manager that the main loop turns, if it wants to know: the protocol of
 * sd_notify(3), by the variables NOTIFY_SOCKET and WATCHDOG_USEC.  Thread: main.
 */
#pragma once

/* Says READY=1 now and WATCHDOG=1 twice in each period, until the program ends. */
void berth_watchdog_start(void);
