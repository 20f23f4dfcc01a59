/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bundle of what somebody who helps wants to know of a client: one gzipped tar file.
 *
 *   about.txt        program, system, libraries, screens: lines that the caller gives
 *   settings.json    brokers and what is set for them: no names of users, no contents of files
 *   statistics.json  the numbers of the desktop that is or was open, if there was one
 *   statistics.txt   the same as the user was shown it
 *   log.txt          the last lines of the log
 *
 * It holds no secret: settings are written key by key, and all texts pass berth_redact().
 * Thread: main; blocks.
 */
#pragma once

#include "client/core/settings.h"
#include "client/core/stats-report.h"

#include <glib.h>
#include <stdbool.h>

/* All borrowed. */
typedef struct {
    const BerthSettings *settings;
    const BerthStats *stats; /* NULL: no desktop was open */
    const char *report;      /* as the user was shown; NULL: none */
    const char *about;       /* lines about program and device */
    const char *log;         /* lines */
} BerthDiagnostics;

/*
 * Writes the bundle, readable by the user only; the file appears whole or not at all.
 *
 * Errors: BERTH_ERR_IO with a sentence that names the file.
 */
bool berth_diagnostics_write(const BerthDiagnostics *self, const char *path, GError **error);

/* Lines about the system: versions of the program and the system, locale, processors.  Owned. */
char *berth_diagnostics_describe_system(void);
