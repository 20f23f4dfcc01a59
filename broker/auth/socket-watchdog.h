/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ends a socket whose conversation takes too long, for libraries that block without a time-out.
 *
 * The watchdog has a thread of its own that sleeps until the time is over or the watchdog is
 * freed.  Shutting a socket down makes every blocking call on it return.  Thread: the one that
 * made it.
 */
#pragma once

typedef struct BerthSocketWatchdog BerthSocketWatchdog;

/* Starts without a socket and without a deadline. */
BerthSocketWatchdog *berth_socket_watchdog_new(void);

/* Watches a socket from now on: its number is duplicated, the socket stays its owner's. */
void berth_socket_watchdog_watch(BerthSocketWatchdog *dog, int fd);

/* Gives the conversation so many seconds from now. */
void berth_socket_watchdog_allow(BerthSocketWatchdog *dog, int seconds);

/* Stops watching and frees; NULL is allowed. */
void berth_socket_watchdog_free(BerthSocketWatchdog *dog);
