/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who somebody is according to a source: what a directory, PAM or a provider says of a user that
 * has proven himself.  A plain value that its holder owns.
 */
#pragma once

#include <glib.h>

typedef struct {
    char *external_id; /* names the group in its source for ever */
    char *name;
} BerthIdentityGroup;

typedef struct {
    char *external_id; /* names the user in the source for ever */
    char *name;        /* user name */
    char *display_name;
    gboolean has_groups; /* whether the source knows groups at all */
    GPtrArray *groups;   /* of BerthIdentityGroup */
} BerthIdentity;

/* New empty identity. */
BerthIdentity *berth_identity_new(void);

/* Adds a group, unless it is there or there are BERTH_LIMIT_DIRECTORY_GROUPS; both are copied. */
void berth_identity_add_group(BerthIdentity *identity, const char *external_id, const char *name);

/*
 * Whether names and ids are such as Berth can keep: short enough, UTF-8, no control characters.
 *
 * Errors: BERTH_ERR_INVALID.
 */
gboolean berth_identity_check(const BerthIdentity *identity, GError **error);

/* Frees; NULL is allowed. */
void berth_identity_free(BerthIdentity *identity);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthIdentity, berth_identity_free)
