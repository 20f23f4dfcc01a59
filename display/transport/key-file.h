/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rule for files that hold a private key: nobody but owner and group may touch them.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * Checks the mode of a private key's file.
 * Errors: BERTH_ERR_FORBIDDEN (others have any right to it), those of stat().
 */
bool berth_key_file_check(const char *path, GError **error);
