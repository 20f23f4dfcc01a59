/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Values of strangers inside LDAP filters and distinguished names (RFC 4515, RFC 4514).
 *
 * Every byte that is not a letter, a digit or one of a few harmless signs goes in as its
 * hexadecimal escape: nothing that a user types can end a value.  Pure.
 */
#pragma once

#include <glib.h>

/* A value for a filter, g_free(). */
char *berth_directory_escape_filter(const char *value);

/* A value for a distinguished name, g_free(). */
char *berth_directory_escape_dn(const char *value);

/*
 * A template with each "{name}" replaced by a value that is escaped already, g_free().
 *
 * name:  with its braces
 */
char *berth_directory_fill(const char *pattern, const char *name, const char *escaped);
