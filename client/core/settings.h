/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the client remembers between runs: where the broker is and who used it, never a password.
 *
 * An INI file in the user's configuration folder, "berth/client.ini".  A file that cannot be read
 * counts as empty.  Thread: main.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *path;    /* of the file */
    char *broker;  /* address; "" if not known */
    char *ca_file; /* "" for the authorities of the system */
    char *user;    /* "" if not known */
} BerthSettings;

/*
 * Reads the settings.
 *
 * path: NULL is the user's own file
 */
void berth_settings_load(BerthSettings *ret_settings, const char *path);

/* Replaces one of the values. */
void berth_settings_set(char **value, const char *text);

/* Writes the file, readable by the user only.  Errors: BERTH_ERR_IO. */
bool berth_settings_save(const BerthSettings *settings, GError **error);

void berth_settings_clear(BerthSettings *settings);
