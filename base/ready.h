/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells whoever started this program that it is ready, on the descriptor of --ready-fd.
 */
#pragma once

#include <glib.h>

/*
 * Writes the formatted lines (each with its newline), then "ready\n", and closes fd.
 *
 * fd:  < 0 means that nobody asked: nothing happens.  Taken.
 *
 * Errors: BERTH_ERR_CLOSED, BERTH_ERR_IO; fd is closed all the same.
 */
int berth_ready_notify(int fd, const char *format, ...) G_GNUC_PRINTF(2, 3);
