/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which monitors a desktop fills, and which head of it goes where.
 *
 * A choice is a mask: bit n is the n-th monitor of the display, counted from 0.  Heads are laid out
 * from left to right in the desktop, so that they go to monitors in that order, whichever of them
 * the window was on.  Pure.
 */
#pragma once

#include "display/pixels/rect.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Monitors of a display that are looked at; one bit each. */
#define BERTH_MONITOR_PLAN_MAX 32

/*
 * Reads a choice: "all", or numbers from 1 on, such as "1,3".
 *
 * n_monitors: that there are, at least 1
 *
 * Errors: BERTH_ERR_INVALID, with a number that is not there, too.
 */
bool berth_monitor_plan_parse(const char *text, size_t n_monitors, uint32_t *ret_chosen,
                              GError **error);

/*
 * Puts the chosen monitors in the order of the heads: columns from left to right, each from top to
 * bottom.
 *
 * places:    of n_monitors, in one system of coordinates
 * ret_order: of max numbers of monitors
 *
 * Returns how many were written: at most max; those further right are left out.
 */
size_t berth_monitor_plan_order(const BerthRect *places, size_t n_monitors, uint32_t chosen,
                                size_t *ret_order, size_t max);

/* A text that tells the chosen ones by their names, for berth_monitor_plan_recall().  Owned. */
char *berth_monitor_plan_remember(const char *const *names, size_t n_monitors, uint32_t chosen);

/* The monitors of a text that are there now; 0: none is.  Any text. */
uint32_t berth_monitor_plan_recall(const char *const *names, size_t n_monitors, const char *text);
