/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LDAP directories and Active Directory: a user proves himself by a bind, groups come by searches.
 *
 * Settings (JSON, strict):
 *
 *   urls                array of ldaps://, ldap:// (StartTLS is needed) or ldapi:// addresses,
 * tried in order ca_file             PEM of the authorities; the system's without it bind_dn,
 * bind_password_file   the account that searches; without it the user's own searches bind_template
 * "uid={user},ou=people,...": binds without a search before base, user_filter   where and how users
 * are found; "(uid={user})" id_attribute, name_attribute, display_name_attribute   "entryUUID",
 * "uid", "cn" group_base, group_filter, member_attribute, group_id_attribute, group_name_attribute
 *                       "", "(objectClass=*)", "member", "entryUUID", "cn"
 *   nested              "auto", "in-chain" (Active Directory's rule), "walk", "none"
 *   timeout_s           of each step, 1..30; 5
 *
 * Nothing goes out in plain text, and an empty password never (servers take it for an anonymous
 * bind).  Referrals are not followed.  Immutable.  berth_directory_login() blocks: worker threads
 * only, several at once.
 */
#pragma once

#include "broker/auth/identity.h"

#include <jansson.h>
#include <stdbool.h>

typedef struct BerthDirectory BerthDirectory;

/* Reads settings.  Errors: BERTH_ERR_INVALID that names the key.  Returns NULL on error. */
BerthDirectory *berth_directory_new(const json_t *settings, GError **error);

/* Frees; NULL is allowed. */
void berth_directory_free(BerthDirectory *directory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthDirectory, berth_directory_free)

/*
 * Asks the directory whether this is the user's password, and who that is.
 *
 * Returns NULL on error: BERTH_ERR_BAD_CREDENTIALS also for a user who is not there or may not log
 * in, BERTH_ERR_SOURCE_DOWN if no server can be asked (also for a wrong search account or
 * certificate), BERTH_ERR_INVALID for what a server says and Berth cannot keep.  The sentence is
 * for the log: it tells of servers, never of passwords.
 */
BerthIdentity *berth_directory_login(const BerthDirectory *directory, const char *user,
                                     const char *password, GError **error);
