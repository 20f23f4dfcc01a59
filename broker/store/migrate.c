/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/store/migrate.h"

#include "base/error.h"
#include "base/log.h"

#include <string.h>

static int
get_number(BerthTx *tx, const char *key, int64_t *ret)
{
    g_autofree char *text = NULL;
    tx->failure = BERTH_OK;
    int error = berth_tx_get_text(tx, &text, BERTH_SQL_META_GET, "s", key);
    if (error == BERTH_OK &&
        !g_ascii_string_to_signed(text, 10, 1, G_MAXINT, (gint64 *)ret, NULL)) {
        error = BERTH_ERR_CORRUPT;
    }
    return error;
}

static int
read_versions(BerthTx *tx, int64_t *ret_version, int64_t *ret_oldest)
{
    *ret_version = 0;
    *ret_oldest = 0;
    int has_meta = tx->class->has_table(tx, "meta");
    if (has_meta <= 0) {
        return has_meta;
    }
    int error = get_number(tx, "schema_version", ret_version);
    if (error == BERTH_OK) {
        error = get_number(tx, "schema_oldest", ret_oldest);
    }
    return error == BERTH_ERR_NOT_FOUND ? BERTH_ERR_CORRUPT : error;
}

int
berth_store_get_version(BerthTx *tx)
{
    int64_t version = 0;
    int64_t oldest = 0;
    int error = tx->class->begin(tx);
    if (error == BERTH_OK) {
        error = read_versions(tx, &version, &oldest);
        tx->class->rollback(tx);
    }
    return error != BERTH_OK ? error : (int)version;
}

static int
set_number(BerthTx *tx, const char *key, int64_t value)
{
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, value);
    tx->failure = BERTH_OK;
    return berth_tx_run(tx, BERTH_SQL_META_SET, "ss", key, text);
}

static bool
is_postgresql(const BerthTx *tx)
{
    return strcmp(tx->class->name, "postgresql") == 0;
}

/* The lowest version that may use a store of a version: back to the last step that changed. */
static int
oldest_of(int version)
{
    while (version > 1 && berth_migrations[version - 1].is_expand_only) {
        version--;
    }
    return version;
}

static int
run_step(BerthTx *tx, int version, bool is_up)
{
    const BerthMigration *step = &berth_migrations[is_up ? version : version - 1];
    const char *sql = is_up ? (is_postgresql(tx) ? step->postgresql_up : step->sqlite_up)
                            : (is_postgresql(tx) ? step->postgresql_down : step->sqlite_down);
    int after = is_up ? version + 1 : version - 1;
    int error = tx->class->exec(tx, sql);
    if (error == BERTH_OK && after > 0) {
        error = set_number(tx, "schema_version", after);
    }
    if (error == BERTH_OK && after > 0) {
        error = set_number(tx, "schema_oldest", oldest_of(after));
    }
    return error;
}

/* One step in its transaction; another program may have taken it meanwhile. */
static int
migrate_one(BerthTx *tx, int version, bool is_up)
{
    int64_t now = 0;
    int64_t oldest = 0;
    int error = tx->class->begin(tx);
    if (error == BERTH_OK) {
        error = tx->class->lock_schema(tx);
    }
    if (error == BERTH_OK) {
        error = read_versions(tx, &now, &oldest);
    }
    if (error == BERTH_OK && now == version) {
        error = run_step(tx, version, is_up);
    }
    if (error == BERTH_OK) {
        tx->is_alone = true;
        error = tx->class->commit(tx);
    }
    if (error != BERTH_OK) {
        tx->class->rollback(tx);
    }
    return error;
}

bool
berth_store_migrate(BerthTx *tx, int version, GError **error)
{
    if (version < 1 || version > berth_n_migrations) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "there is no version %d of the store: 1 to %d are known", version,
                               berth_n_migrations);
    }
    int now = berth_store_get_version(tx);
    if (now > berth_n_migrations) {
        return berth_set_error(error, BERTH_ERR_VERSION,
                               "the store has version %d, this program knows up to %d: use the "
                               "newer program to take it back",
                               now, berth_n_migrations);
    }
    while (now >= 0 && now != version) {
        bool is_up = now < version;
        int code = migrate_one(tx, now, is_up);
        if (code != BERTH_OK) {
            return berth_set_error(error, code,
                                   "the step of the store from version %d to %d "
                                   "failed: %s",
                                   now, is_up ? now + 1 : now - 1, berth_error_sentence(code));
        }
        berth_log_info("store", "the store has version %d", is_up ? now + 1 : now - 1);
        now = berth_store_get_version(tx);
    }
    return now >= 0 || berth_set_error(error, now, "the version of the store cannot be read: %s",
                                       berth_error_sentence(now));
}

/* Whether the steps from a version to the newest can be taken while other brokers work. */
static bool
may_migrate_alone(const BerthTx *tx, int version)
{
    bool is_shared = is_postgresql(tx);
    for (int i = version; is_shared && version > 0 && i < berth_n_migrations; i++) {
        if (!berth_migrations[i].is_expand_only) {
            return false;
        }
    }
    return true;
}

bool
berth_store_ensure_version(BerthTx *tx, GError **error)
{
    int64_t version = 0;
    int64_t oldest = 0;
    int code = tx->class->begin(tx);
    if (code == BERTH_OK) {
        code = read_versions(tx, &version, &oldest);
        tx->class->rollback(tx);
    }
    if (code != BERTH_OK) {
        return berth_set_error(error, code,
                               code == BERTH_ERR_CORRUPT
                                   ? "the database holds something else than a store of berth"
                                   : "the version of the store cannot be read: %s",
                               berth_error_sentence(code));
    }
    if (version > berth_n_migrations) {
        bool is_close = version == berth_n_migrations + 1 && oldest <= berth_n_migrations;
        return is_close || berth_set_error(error, BERTH_ERR_VERSION,
                                           "the store has version %d, this program knows up to "
                                           "%d: install the newer program, or take the store "
                                           "back with its `db migrate --to %d`",
                                           (int)version, berth_n_migrations, berth_n_migrations);
    }
    if (!may_migrate_alone(tx, (int)version)) {
        return berth_set_error(error, BERTH_ERR_VERSION,
                               "the store has version %d and this program needs %d: stop all "
                               "brokers, then run `berth-broker db migrate`",
                               (int)version, berth_n_migrations);
    }
    return berth_store_migrate(tx, berth_n_migrations, error);
}

int
berth_store_make_anew(BerthTx *tx)
{
    int64_t version = 0;
    int64_t oldest = 0;
    int error = tx->class->lock_schema(tx);
    if (error == BERTH_OK) {
        error = read_versions(tx, &version, &oldest);
    }
    if (error == BERTH_OK && version > berth_n_migrations) {
        error = BERTH_ERR_VERSION;
    }
    for (; error == BERTH_OK && version > 0; version--) {
        error = run_step(tx, (int)version, false);
    }
    for (; error == BERTH_OK && version < berth_n_migrations; version++) {
        error = run_step(tx, (int)version, true);
    }
    return error;
}
