/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Processes that outlive the agent: told apart from a stranger with a reused pid by their start
 * time, and killed only through a pidfd.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Start time of a process in clock ticks since boot; 0 if there is none. */
uint64_t berth_process_get_start_ticks(pid_t pid);

/* A pidfd of the process if it is still the one with that start time and not a zombie, else -1. */
int berth_process_open(pid_t pid, uint64_t start_ticks);

/* Kills the process and, if it leads one, its process group. */
void berth_process_kill_group(int pidfd, pid_t pid);

/*
 * Kills the process of this user whose command line has that very word, if there is one.
 *
 * Returns whether there was one.
 */
bool berth_process_end_stray(const char *word);
