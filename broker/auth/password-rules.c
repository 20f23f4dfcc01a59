/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/auth/password-rules.h"

#include "base/error.h"
#include "base/secret.h"
#include "berth/limits.h"

#include <string.h>
#include <sys/stat.h>

struct BerthPasswordRules {
    long min_chars;
    GHashTable *blocked; /* set of case-folded passwords */
};

/* For passwords: freed after wiping. */
static void
free_wiped(char *text)
{
    berth_wipe(text, strlen(text));
    g_free(text);
}

static char *
fold(const char *text)
{
    char *normal = g_utf8_normalize(text, -1, G_NORMALIZE_NFKC);
    if (normal == NULL) {
        return g_ascii_strdown(text, -1);
    }
    char *folded = g_utf8_casefold(normal, -1);
    free_wiped(normal);
    return folded;
}

static bool
read_blocked(BerthPasswordRules *rules, const char *path, GError **error)
{
    struct stat info;
    g_autofree char *text = NULL;
    g_autoptr(GError) why = NULL;
    if (stat(path, &info) == 0 && info.st_size > (off_t)BERTH_LIMIT_BLOCK_FILE_BYTES) {
        return berth_set_error(error, BERTH_ERR_TOO_LARGE, "\"%s\" is over %u bytes", path,
                               BERTH_LIMIT_BLOCK_FILE_BYTES);
    }
    if (!g_file_get_contents(path, &text, NULL, &why)) {
        return berth_set_error(error, BERTH_ERR_IO, "%s", why->message);
    }
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        g_strchomp(line);
        if (*line != '\0') {
            g_hash_table_add(rules->blocked, fold(line));
        }
    }
    return true;
}

BerthPasswordRules *
berth_password_rules_new(int min_chars, const char *block_file, GError **error)
{
    g_autoptr(BerthPasswordRules) rules = g_new0(BerthPasswordRules, 1);
    rules->min_chars = MAX(min_chars, BERTH_PASSWORD_LEAST_CHARS);
    rules->blocked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (block_file[0] != '\0' && !read_blocked(rules, block_file, error)) {
        return NULL;
    }
    return g_steal_pointer(&rules);
}

void
berth_password_rules_free(BerthPasswordRules *rules)
{
    if (rules != NULL) {
        g_hash_table_unref(rules->blocked);
        g_free(rules);
    }
}

bool
berth_password_rules_check(const BerthPasswordRules *rules, const char *user, const char *password,
                           GError **error)
{
    size_t len = strlen(password);
    long n_chars = g_utf8_strlen(password, -1);
    if (n_chars < rules->min_chars) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "the password has %ld characters, at least %ld are needed", n_chars,
                               rules->min_chars);
    }
    if (len > BERTH_LIMIT_PASSWORD_BYTES) {
        return berth_set_error(error, BERTH_ERR_TOO_LARGE,
                               "the password has %zu bytes, at most %u are allowed", len,
                               BERTH_LIMIT_PASSWORD_BYTES);
    }
    char *folded = fold(password);
    g_autofree char *name = fold(user);
    bool is_blocked = g_hash_table_contains(rules->blocked, folded);
    bool is_name = strcmp(folded, name) == 0;
    free_wiped(folded);
    if (is_blocked) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "this password is on the list of those that are guessed first; "
                               "choose another");
    }
    return !is_name || berth_set_error(error, BERTH_ERR_INVALID,
                                       "the password is the user's name; choose another");
}
