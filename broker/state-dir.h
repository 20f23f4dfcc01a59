/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands in a broker's own folder: its lock, its identity, and the store if there is no other.
 */
#pragma once

#include "base/config.h"
#include "berth/ids.h"

#include <glib.h>
#include <stdbool.h>

/*
 * Takes the folder for this process.  Returns a descriptor to be closed at the end, -1 on error:
 * BERTH_ERR_BUSY if another broker has it, the code of the errno.
 */
int berth_state_dir_lock(const char *state_dir, GError **error);

/*
 * Reads who this broker is, or makes it up at the first start.  It is kept beside the store, not
 * in it: several brokers share one store.
 *
 * Errors: BERTH_ERR_CORRUPT, those of files.
 */
bool berth_state_dir_ensure_holder(const char *state_dir, char ret[BERTH_ID_HEX_CHARS + 1],
                                   GError **error);

/* The url of the store that a configuration means; free with g_free(). */
char *berth_state_dir_store_url(const BerthConfig *config);
