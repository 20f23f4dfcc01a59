/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A script that runs on in a guest by itself, whoever looks: the scripts that begin it, look at it
 * and forget it, and what a look answers.  Pure.
 *
 * It lies in /run/berth-task-<id> of the guest, so it is begun once however often that is asked,
 * and a guest that restarts has forgotten it.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Bytes of output that a look at a running script brings, and one at a script that has ended: the
 * last ones. */
#define BERTH_SCRIPT_LOOK_BYTES 2000
#define BERTH_SCRIPT_OUTPUT_BYTES (64 * 1024)

typedef enum {
    BERTH_SCRIPT_RUNS,
    BERTH_SCRIPT_ENDED,
    BERTH_SCRIPT_UNKNOWN, /* the guest has restarted since */
} BerthScriptState;

typedef struct {
    BerthScriptState state;
    int status;         /* of the script, when it has ended */
    const char *output; /* the last bytes of it, inside the text that was read */
    size_t n_output_bytes;
} BerthScriptLook;

/*
 * The scripts that begin a script unless it has begun, that look at it, and that forget it (it is
 * killed if it runs); for g_free().
 *
 * id:  of the task, hexadecimal digits
 */
char *berth_script_log_dup_begin(const char *id, const char *script);
char *berth_script_log_dup_look(const char *id);
char *berth_script_log_dup_forget(const char *id);

/* Reads what a look wrote.  Returns false if that is nothing of ours. */
bool berth_script_log_read(const char *text, size_t len, BerthScriptLook *ret);

/* The last line that is not empty, for g_free(); "" without one. */
char *berth_script_log_dup_last_line(const char *output, size_t len);
