/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a source says of a user becomes rows: the account at the first login, its groups at each.
 *
 * A source never takes over an account of another one, nor a local one: the name is refused then.
 * A group whose name is taken is called "name@source".
 */
#include "broker/api/login.h"
#include "broker/membership.h"

#include "base/error.h"
#include "base/id.h"
#include "base/log.h"

#include <string.h>

static int
insert_account(BerthTx *tx, BerthLogin *login)
{
    const BerthIdentity *identity = login->identity;
    g_autofree char *other = NULL;
    int error = berth_tx_get_text(tx, &other, BERTH_SQL_ACCOUNT_NAME_TAKEN, "s", identity->name);
    if (error == BERTH_OK) {
        berth_log_warning("auth", "\"%s\" of the source \"%s\" is the name of another account",
                          identity->name, login->source_name);
        return BERTH_ERR_FORBIDDEN;
    }
    if (error != BERTH_ERR_NOT_FOUND) {
        return error;
    }
    berth_id_random_hex(login->account);
    error = berth_tx_run(tx, BERTH_SQL_EXTERNAL_INSERT, "sssssi", login->account, identity->name,
                         identity->display_name != NULL ? identity->display_name : "",
                         login->source, identity->external_id, login->cause.now_us);
    return error == BERTH_OK ? berth_audit(tx, &login->cause, "user.added", login->account,
                                           json_pack("{s:s, s:s}", "name", identity->name,
                                                     "directory", login->source_name))
                             : error;
}

/* The user was renamed in the source; if the new name is taken, the old one stays. */
static int
maybe_rename(BerthTx *tx, BerthLogin *login, const char *name, const char *display_name)
{
    const BerthIdentity *identity = login->identity;
    const char *shown = identity->display_name != NULL ? identity->display_name : "";
    g_autofree char *other = NULL;
    bool is_renamed = strcmp(name, identity->name) != 0;
    if (!is_renamed && strcmp(display_name, shown) == 0) {
        return BERTH_OK;
    }
    int error = is_renamed ? berth_tx_get_text(tx, &other, BERTH_SQL_ACCOUNT_NAME_TAKEN, "s",
                                               identity->name)
                           : BERTH_ERR_NOT_FOUND;
    if (error != BERTH_OK && error != BERTH_ERR_NOT_FOUND) {
        return error;
    }
    const char *new_name = other == NULL ? identity->name : name;
    error = berth_tx_run(tx, BERTH_SQL_EXTERNAL_RENAME, "sss", login->account, new_name, shown);
    return error == BERTH_OK ? berth_audit(tx, &login->cause, "user.changed", login->account,
                                           json_pack("{s:s}", "name", new_name))
                             : error;
}

static int
ensure_account(BerthTx *tx, BerthLogin *login)
{
    BerthRows rows;
    g_autofree char *name = NULL;
    g_autofree char *display_name = NULL;
    login->account[0] = '\0';
    berth_tx_query(tx, &rows, BERTH_SQL_EXTERNAL_GET, "ss", login->source,
                   login->identity->external_id);
    if (berth_rows_next(&rows)) {
        g_strlcpy(login->account, berth_rows_text(&rows, 0), sizeof login->account);
        name = g_strdup(berth_rows_text(&rows, 1));
        display_name = g_strdup(berth_rows_text(&rows, 2));
    }
    int error = berth_rows_end(&rows);
    if (error != BERTH_OK) {
        return error;
    }
    return name != NULL ? maybe_rename(tx, login, name, display_name) : insert_account(tx, login);
}

/* A name for a new group that no other group has. */
static int
choose_group_name(BerthTx *tx, const BerthLogin *login, const BerthIdentityGroup *group,
                  char **ret_name)
{
    g_autofree char *hash =
        g_compute_checksum_for_string(G_CHECKSUM_SHA256, group->external_id, -1);
    for (int i = 0; i < 3; i++) {
        g_autofree char *other = NULL;
        g_autofree char *name =
            i == 0   ? g_strdup(group->name)
            : i == 1 ? g_strdup_printf("%s@%s", group->name, login->source_name)
                     : g_strdup_printf("%.64s@%s-%.16s", group->name, login->source_name, hash);
        int error = berth_tx_get_text(tx, &other, BERTH_SQL_GROUP_NAME_TAKEN, "s", name);
        if (error == BERTH_ERR_NOT_FOUND) {
            *ret_name = g_steal_pointer(&name);
            return BERTH_OK;
        }
        if (error != BERTH_OK) {
            return error;
        }
    }
    return BERTH_ERR_EXISTS;
}

static int
ensure_group(BerthTx *tx, BerthLogin *login, const BerthIdentityGroup *group, char **ret_id)
{
    char id[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *name = NULL;
    int error = berth_tx_get_text(tx, ret_id, BERTH_SQL_GROUP_BY_EXTERNAL, "ss", login->source,
                                  group->external_id);
    if (error != BERTH_ERR_NOT_FOUND) {
        return error;
    }
    error = choose_group_name(tx, login, group, &name);
    if (error != BERTH_OK) {
        return error;
    }
    berth_id_random_hex(id);
    error = berth_tx_run(tx, BERTH_SQL_GROUP_INSERT, "ssssi", id, name, login->source,
                         group->external_id, login->cause.now_us);
    if (error == BERTH_OK) {
        error = berth_audit(tx, &login->cause, "group.added", id,
                            json_pack("{s:s, s:s}", "name", name, "directory", login->source_name));
    }
    if (error == BERTH_OK) {
        *ret_id = g_strdup(id);
    }
    return error;
}

static int
read_memberships(BerthTx *tx, const BerthLogin *login, GHashTable *held)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_MEMBER_OF, "s", login->account);
    while (berth_rows_next(&rows)) {
        g_hash_table_add(held, g_strdup(berth_rows_text(&rows, 0)));
    }
    return berth_rows_end(&rows);
}

/* What is left in `held` afterwards is no longer the user's. */
static int
add_memberships(BerthTx *tx, BerthLogin *login, GHashTable *held, json_t *joined)
{
    const GPtrArray *groups = login->identity->groups;
    for (guint i = 0; i < groups->len; i++) {
        g_autofree char *id = NULL;
        int error = ensure_group(tx, login, g_ptr_array_index(groups, i), &id);
        if (error != BERTH_OK) {
            return error;
        }
        if (g_hash_table_remove(held, id)) {
            continue;
        }
        error = berth_tx_run(tx, BERTH_SQL_MEMBER_ADD, "ssi", id, login->account, (int64_t)0);
        if (error != BERTH_OK) {
            return error;
        }
        json_array_append_new(joined, json_string(id));
    }
    return BERTH_OK;
}

static int
remove_memberships(BerthTx *tx, BerthLogin *login, GHashTable *held, json_t *left)
{
    GHashTableIter iter;
    gpointer id = NULL;
    int error = BERTH_OK;
    g_hash_table_iter_init(&iter, held);
    while (error == BERTH_OK && g_hash_table_iter_next(&iter, &id, NULL)) {
        error = berth_tx_run(tx, BERTH_SQL_MEMBER_REMOVE, "ssi", (const char *)id, login->account,
                             (int64_t)0);
        json_array_append_new(left, json_string(id));
    }
    return error;
}

int
berth_login_take_identity(BerthTx *tx, BerthLogin *login)
{
    g_autoptr(GHashTable) held = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    json_auto_t *joined = json_array();
    json_auto_t *left = json_array();
    int error = ensure_account(tx, login);
    if (error != BERTH_OK || !login->identity->has_groups) {
        return error;
    }
    error = read_memberships(tx, login, held);
    if (error == BERTH_OK) {
        error = add_memberships(tx, login, held, joined);
    }
    if (error == BERTH_OK) {
        error = remove_memberships(tx, login, held, left);
    }
    if (error == BERTH_OK && json_array_size(joined) + json_array_size(left) > 0) {
        error = berth_audit(tx, &login->cause, "user.groups", login->account,
                            json_pack("{s:O, s:O}", "joined", joined, "left", left));
        if (error == BERTH_OK) {
            error = berth_membership_changed(tx, &login->cause, login->account);
        }
    }
    return error;
}
