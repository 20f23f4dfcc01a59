/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/auth/identity.h"

#include "base/error.h"
#include "berth/limits.h"

#include <string.h>

static void
group_free(gpointer data)
{
    BerthIdentityGroup *group = data;
    g_free(group->external_id);
    g_free(group->name);
    g_free(group);
}

BerthIdentity *
berth_identity_new(void)
{
    BerthIdentity *identity = g_new0(BerthIdentity, 1);
    identity->groups = g_ptr_array_new_with_free_func(group_free);
    return identity;
}

void
berth_identity_add_group(BerthIdentity *identity, const char *external_id, const char *name)
{
    for (guint i = 0; i < identity->groups->len; i++) {
        const BerthIdentityGroup *group = g_ptr_array_index(identity->groups, i);
        if (strcmp(group->external_id, external_id) == 0) {
            return;
        }
    }
    if (identity->groups->len < BERTH_LIMIT_DIRECTORY_GROUPS) {
        BerthIdentityGroup *group = g_new0(BerthIdentityGroup, 1);
        group->external_id = g_strdup(external_id);
        group->name = g_strdup(name);
        g_ptr_array_add(identity->groups, group);
    }
}

static gboolean
is_name(const char *text, size_t max)
{
    if (text == NULL || text[0] == '\0' || strlen(text) > max || !g_utf8_validate(text, -1, NULL)) {
        return FALSE;
    }
    for (const char *c = text; *c != '\0'; c = g_utf8_next_char(c)) {
        if (g_unichar_iscntrl(g_utf8_get_char(c))) {
            return FALSE;
        }
    }
    return TRUE;
}

gboolean
berth_identity_check(const BerthIdentity *identity, GError **error)
{
    if (!is_name(identity->name, BERTH_LIMIT_NAME_BYTES) ||
        !is_name(identity->external_id, BERTH_LIMIT_DIRECTORY_DN_BYTES)) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "the source gave a user name or id that is empty, too long or not "
                               "text");
    }
    for (guint i = 0; i < identity->groups->len; i++) {
        const BerthIdentityGroup *group = g_ptr_array_index(identity->groups, i);
        if (!is_name(group->name, BERTH_LIMIT_NAME_BYTES) ||
            !is_name(group->external_id, BERTH_LIMIT_DIRECTORY_DN_BYTES)) {
            return berth_set_error(error, BERTH_ERR_INVALID,
                                   "the source gave a group name or id that is empty, too long or "
                                   "not text");
        }
    }
    return TRUE;
}

void
berth_identity_free(BerthIdentity *identity)
{
    if (identity != NULL) {
        g_free(identity->external_id);
        g_free(identity->name);
        g_free(identity->display_name);
        g_ptr_array_unref(identity->groups);
        g_free(identity);
    }
}
