/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words of `berth-broker db`: what an administrator does with the store on the server itself.
 *
 * Thread: main.
 */
#pragma once

#include "base/config.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    bool is_forced; /* --force */
    int to_version; /* --to N; 0 is the newest */
} BerthDbOptions;

/*
 * Runs one command: backup FILE | restore FILE | migrate | copy FROM TO | verify [FILE].
 *
 * words:  n of them, after "db"
 *
 * What it found goes to standard output, progress to standard error after two seconds.
 * Errors: BERTH_ERR_CONFIG for words that are none; those of store/archive.h, store/migrate.h;
 * BERTH_ERR_CORRUPT if verify found something.
 */
bool berth_db_run(const BerthConfig *config, const BerthDbOptions *options, int n,
                  const char *const *words, GError **error);
