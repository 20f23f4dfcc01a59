/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the client remembers between runs: brokers and who used them, never a password.
 *
 * An INI file in the user's configuration folder, "berth/client.ini", with a group for each
 * profile, and one for what is the same at all of them; one profile is the present one.  A file
 * that cannot be read counts as empty, a value that is damaged as missing.  Thread: main.
 */
#pragma once

#include "client/core/host-key.h"

#include <glib.h>
#include <stdbool.h>

/* One broker and how this user logs in there.  Texts are never NULL, "" is not known. */
typedef struct {
    char *name;             /* for people; unique */
    char *broker;           /* address */
    char *ca_file;          /* "" for the authorities of the system */
    char *certificate_file; /* that the connection shows; "" for none */
    char *key_file;         /* of the certificate; "" if it is in the same file */
    char *user;
    GPtrArray *favourites; /* of char *: ids of pools, in the order in which they were chosen */
} BerthProfile;

typedef struct {
    char *path;                         /* of the file */
    GPtrArray *profiles;                /* BerthProfile, at least one; the first may be empty */
    BerthProfile *profile;              /* the present one; borrowed from profiles */
    const BerthHostKeyChoice *host_key; /* never NULL; const */
} BerthSettings;

/*
 * Reads the settings.
 *
 * path: NULL is the user's own file
 */
void berth_settings_load(BerthSettings *ret_settings, const char *path);

/* Replaces one of the values of a profile; NULL is "". */
void berth_settings_set(char **value, const char *text);

/*
 * Makes the profile of a broker the present one; a new one, called by its host, if there is none.
 * An empty profile is used for it; a full list loses the one that was added first.
 *
 * broker: an address that berth_broker_address_parse() took
 */
BerthProfile *berth_settings_use_broker(BerthSettings *settings, const char *broker);

/* The profile of that name; NULL if there is none.  Borrowed. */
BerthProfile *berth_settings_find(const BerthSettings *settings, const char *name);

/* Forgets the present profile; the first of the others, or an empty one, takes its place. */
void berth_settings_forget(BerthSettings *settings);

/* Whether a pool, by its id, is one of the favourites. */
bool berth_profile_is_favourite(const BerthProfile *profile, const char *pool);

/* The list is at most BERTH_LIMIT_CLIENT_FAVOURITES long; the oldest one goes. */
void berth_profile_set_favourite(BerthProfile *profile, const char *pool, bool is_favourite);

/* Writes the file, readable by the user only.  Errors: BERTH_ERR_IO. */
bool berth_settings_save(const BerthSettings *settings, GError **error);

void berth_settings_clear(BerthSettings *settings);
