/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a new password must be: long enough, not one that everybody guesses first, not the name.
 *
 * Immutable after loading.  Thread: any.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct BerthPasswordRules BerthPasswordRules;

/* Characters that no site may go below. */
#define BERTH_PASSWORD_LEAST_CHARS 8

/*
 * Reads the rules.
 *
 * min_chars:   characters that a password needs at least
 * block_file:  one refused password a line, upper and lower case are the same; "" for none
 *
 * Errors: BERTH_ERR_TOO_LARGE for a file over BERTH_LIMIT_BLOCK_FILE_BYTES, the code of the errno.
 * Returns NULL on error.
 */
BerthPasswordRules *berth_password_rules_new(int min_chars, const char *block_file, GError **error);

/* Frees; NULL is allowed. */
void berth_password_rules_free(BerthPasswordRules *rules);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthPasswordRules, berth_password_rules_free)

/*
 * Checks a new password of a user; the sentence never quotes it.
 *
 * Errors: BERTH_ERR_INVALID, BERTH_ERR_TOO_LARGE.
 */
bool berth_password_rules_check(const BerthPasswordRules *rules, const char *user,
                                const char *password, GError **error);
