/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small JSON files of the agent's own state: written whole by rename, never half.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Writes folder/name (mode 0600) by rename.  Errors: BERTH_ERR_DISK_FULL, BERTH_ERR_IO. */
bool berth_state_file_save(const char *folder, const char *name, const json_t *object,
                           GError **error);

/*
 * Reads an object back as a new reference, NULL on error.
 *
 * Errors: BERTH_ERR_NOT_FOUND, BERTH_ERR_TOO_LARGE, BERTH_ERR_CORRUPT, BERTH_ERR_IO.
 */
json_t *berth_state_file_load(const char *folder, const char *name, size_t max_bytes,
                              GError **error);

/* Makes a private folder (0700) with its parents.  Errors: the code of the errno. */
bool berth_state_folder_make(const char *path, GError **error);

/* Removes a folder and the plain files, sockets and folders in it; what is not there is fine. */
void berth_state_folder_remove(const char *path);
