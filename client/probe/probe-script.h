/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines from a descriptor, one at a time, in the main context.
 *
 * The next line is read only when it is asked for, so that a script and its answers stay in step.
 * Thread: main.
 */
#pragma once

#include <glib.h>

typedef struct BerthProbeScript BerthProbeScript;

/* A line without its newline; NULL at the end, also if a line is longer than the limit. */
typedef void (*BerthProbeLineFunc)(const char *line, void *user_data);

/* fd: borrowed */
BerthProbeScript *berth_probe_script_new(int fd, BerthProbeLineFunc func, void *user_data);

/* NULL is allowed; not inside the callback. */
void berth_probe_script_free(BerthProbeScript *self);

/* Asks for one more line; the callback comes later, never from inside this call. */
void berth_probe_script_next(BerthProbeScript *self);
