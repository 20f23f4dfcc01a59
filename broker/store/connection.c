/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/store/connection.h"

#include "base/error.h"
#include "base/log.h"
#include "broker/store/migrations.h"

#include <sqlite3.h>
#include <stdarg.h>

struct BerthTx {
    sqlite3 *db;
    sqlite3_stmt *statements[BERTH_N_STATEMENTS];
};

/* How long a connection waits for another process's lock (a check beside a running broker). */
#define BUSY_TIMEOUT_MS 5000

static const char *const statement_sql[BERTH_N_STATEMENTS] = {
#define STATEMENT_SQL(name, sql) [BERTH_SQL_##name] = (sql),
    BERTH_STATEMENT_TABLE(STATEMENT_SQL)
#undef STATEMENT_SQL
};

static int
error_from_sqlite(int result)
{
    switch (result) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return BERTH_OK;
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
        return BERTH_ERR_EXISTS;
    case SQLITE_FULL:
        return BERTH_ERR_DISK_FULL;
    case SQLITE_NOMEM:
        return BERTH_ERR_NO_MEMORY;
    default:
        break;
    }
    switch (result & 0xff) {
    case SQLITE_CONSTRAINT:
        return BERTH_ERR_STATE;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return BERTH_ERR_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return BERTH_ERR_CORRUPT;
    default:
        return BERTH_ERR_IO;
    }
}

static int
failed(BerthTx *tx, int result, const char *what)
{
    int error = error_from_sqlite(result);
    int level = error == BERTH_ERR_EXISTS ? BERTH_LOG_DEBUG : BERTH_LOG_WARNING;
    berth_log(level, "store", "%s: %s", what, sqlite3_errmsg(tx->db));
    return error;
}

int
berth_connection_exec(BerthTx *tx, const char *sql)
{
    int result = sqlite3_exec(tx->db, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? BERTH_OK : failed(tx, sqlite3_extended_errcode(tx->db), sql);
}

bool
berth_connection_is_in_transaction(const BerthTx *tx)
{
    return sqlite3_get_autocommit(tx->db) == 0;
}

static int
set_up(BerthTx *tx, bool is_writer)
{
    sqlite3_extended_result_codes(tx->db, 1);
    sqlite3_busy_timeout(tx->db, BUSY_TIMEOUT_MS);
    int error = berth_connection_exec(tx, "PRAGMA foreign_keys = ON");
    if (error == BERTH_OK && is_writer) {
        error = berth_connection_exec(tx, "PRAGMA journal_mode = WAL");
    }
    if (error == BERTH_OK) {
        error = berth_connection_exec(tx, "PRAGMA synchronous = FULL");
    }
    if (error == BERTH_OK && !is_writer) {
        error = berth_connection_exec(tx, "PRAGMA query_only = ON");
    }
    return error;
}

BerthTx *
berth_connection_open(const char *path, bool is_writer, GError **error)
{
    BerthTx *tx = g_new0(BerthTx, 1);
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE;
    if (is_writer) {
        flags |= SQLITE_OPEN_CREATE;
    }
    int code = error_from_sqlite(sqlite3_open_v2(path, &tx->db, flags, NULL));
    if (code == BERTH_OK) {
        code = set_up(tx, is_writer);
    }
    if (code != BERTH_OK) {
        berth_set_error(error, code, "cannot open the store \"%s\": %s", path,
                        tx->db != NULL ? sqlite3_errmsg(tx->db) : "no memory");
        berth_connection_free(tx);
        return NULL;
    }
    return tx;
}

void
berth_connection_free(BerthTx *tx)
{
    if (tx == NULL) {
        return;
    }
    for (int i = 0; i < BERTH_N_STATEMENTS; i++) {
        sqlite3_finalize(tx->statements[i]);
    }
    sqlite3_close(tx->db);
    g_free(tx);
}

static int
get_version(BerthTx *tx)
{
    sqlite3_stmt *statement = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(tx->db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        version = sqlite3_column_int(statement, 0);
    }
    sqlite3_finalize(statement);
    return version;
}

static int
migrate_one(BerthTx *tx, int version)
{
    int error = berth_connection_exec(tx, "BEGIN IMMEDIATE");
    if (error != BERTH_OK) {
        return error;
    }
    /* A PRAGMA takes no bound values; the number is ours. */
    g_autofree char *set_version = g_strdup_printf("PRAGMA user_version = %d", version + 1);
    error = berth_connection_exec(tx, berth_migrations[version]);
    if (error == BERTH_OK) {
        error = berth_connection_exec(tx, set_version);
    }
    if (error == BERTH_OK) {
        error = berth_connection_exec(tx, "COMMIT");
    }
    if (error != BERTH_OK) {
        (void)sqlite3_exec(tx->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return error;
}

bool
berth_connection_migrate(BerthTx *tx, GError **error)
{
    int version = get_version(tx);
    if (version < 0) {
        return berth_set_error(error, BERTH_ERR_CORRUPT, "the file is not a store of berth");
    }
    if (version > berth_n_migrations) {
        return berth_set_error(error, BERTH_ERR_VERSION,
                               "the store has version %d, this program knows up to %d", version,
                               berth_n_migrations);
    }
    for (; version < berth_n_migrations; version++) {
        int code = migrate_one(tx, version);
        if (code != BERTH_OK) {
            return berth_set_error(error, code, "migration %d of the store failed: %s", version + 1,
                                   berth_error_sentence(code));
        }
    }
    return true;
}

static int
prepare(BerthTx *tx, BerthStatement id, sqlite3_stmt **ret_statement)
{
    if (tx->statements[id] == NULL) {
        int result = sqlite3_prepare_v3(tx->db, statement_sql[id], -1, SQLITE_PREPARE_PERSISTENT,
                                        &tx->statements[id], NULL);
        if (result != SQLITE_OK) {
            return failed(tx, result, statement_sql[id]);
        }
    }
    *ret_statement = tx->statements[id];
    return BERTH_OK;
}

static int
bind_values(BerthTx *tx, sqlite3_stmt *statement, const char *types, va_list values)
{
    int result = SQLITE_OK;
    int index = 1;
    g_assert((int)strlen(types) == sqlite3_bind_parameter_count(statement));
    for (const char *type = types; *type != '\0' && result == SQLITE_OK; type++, index++) {
        switch (*type) {
        case 's':
            result = sqlite3_bind_text(statement, index, va_arg(values, const char *), -1,
                                       SQLITE_TRANSIENT);
            break;
        case 'i':
            result = sqlite3_bind_int64(statement, index, va_arg(values, int64_t));
            break;
        case 'b':
            result = sqlite3_bind_int64(statement, index, va_arg(values, int) ? 1 : 0);
            break;
        default:
            g_assert_not_reached();
        }
    }
    return result == SQLITE_OK ? BERTH_OK : failed(tx, result, sqlite3_sql(statement));
}

static void
query_values(BerthTx *tx, BerthRows *ret_rows, BerthStatement id, const char *types, va_list values)
{
    sqlite3_stmt *statement = NULL;
    ret_rows->statement = NULL;
    ret_rows->error = prepare(tx, id, &statement);
    if (ret_rows->error == BERTH_OK) {
        ret_rows->error = bind_values(tx, statement, types, values);
        ret_rows->statement = statement;
    }
}

static int
run_values(BerthTx *tx, BerthStatement id, const char *types, va_list values)
{
    BerthRows rows;
    query_values(tx, &rows, id, types, values);
    if (berth_rows_next(&rows)) {
        g_warn_if_reached();
    }
    return berth_rows_end(&rows);
}

int
berth_tx_run(BerthTx *tx, BerthStatement statement, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    int error = run_values(tx, statement, types, values);
    va_end(values);
    return error;
}

int
berth_tx_run_one(BerthTx *tx, BerthStatement statement, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    int error = run_values(tx, statement, types, values);
    va_end(values);
    if (error == BERTH_OK && sqlite3_changes(tx->db) != 1) {
        error = BERTH_ERR_NOT_FOUND;
    }
    return error;
}

void
berth_tx_query(BerthTx *tx, BerthRows *ret_rows, BerthStatement statement, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    query_values(tx, ret_rows, statement, types, values);
    va_end(values);
}

bool
berth_rows_next(BerthRows *rows)
{
    if (rows->error != BERTH_OK || rows->statement == NULL) {
        return false;
    }
    int result = sqlite3_step(rows->statement);
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        sqlite3 *db = sqlite3_db_handle(rows->statement);
        rows->error = error_from_sqlite(sqlite3_extended_errcode(db));
        int level = rows->error == BERTH_ERR_EXISTS ? BERTH_LOG_DEBUG : BERTH_LOG_WARNING;
        berth_log(level, "store", "%s: %s", sqlite3_sql(rows->statement), sqlite3_errmsg(db));
    }
    return result == SQLITE_ROW;
}

int
berth_rows_end(BerthRows *rows)
{
    if (rows->statement != NULL) {
        sqlite3_reset(rows->statement);
        sqlite3_clear_bindings(rows->statement);
        rows->statement = NULL;
    }
    return rows->error;
}

const char *
berth_rows_text(const BerthRows *rows, int column)
{
    const char *text = (const char *)sqlite3_column_text(rows->statement, column);
    return text != NULL ? text : "";
}

int64_t
berth_rows_int(const BerthRows *rows, int column)
{
    return sqlite3_column_int64(rows->statement, column);
}

bool
berth_rows_is_null(const BerthRows *rows, int column)
{
    return sqlite3_column_type(rows->statement, column) == SQLITE_NULL;
}

static json_t *
column_to_json(const BerthRows *rows, int column, const char *name)
{
    if (name[0] == '?') {
        return json_boolean(berth_rows_int(rows, column) != 0);
    }
    if (name[0] == '{') {
        json_t *value = json_loads(berth_rows_text(rows, column), JSON_REJECT_DUPLICATES, NULL);
        return value != NULL ? value : json_null();
    }
    switch (sqlite3_column_type(rows->statement, column)) {
    case SQLITE_INTEGER:
        return json_integer(berth_rows_int(rows, column));
    case SQLITE_NULL:
        return json_null();
    default:
        return json_string(berth_rows_text(rows, column));
    }
}

json_t *
berth_rows_to_json(const BerthRows *rows)
{
    json_t *object = json_object();
    int n_columns = sqlite3_column_count(rows->statement);
    for (int i = 0; i < n_columns; i++) {
        const char *name = sqlite3_column_name(rows->statement, i);
        json_t *value = column_to_json(rows, i, name);
        size_t n_marks = name[0] == '?' ? 1 : name[0] == '{' ? 2 : 0;
        json_object_set_new(object, name + n_marks, value);
    }
    return object;
}

int
berth_tx_get_int(BerthTx *tx, int64_t *ret_value, BerthStatement statement, const char *types, ...)
{
    BerthRows rows;
    va_list values;
    va_start(values, types);
    query_values(tx, &rows, statement, types, values);
    va_end(values);
    bool has_row = berth_rows_next(&rows);
    if (has_row) {
        *ret_value = berth_rows_int(&rows, 0);
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !has_row ? BERTH_ERR_NOT_FOUND : error;
}

int
berth_tx_get_text(BerthTx *tx, char **ret_text, BerthStatement statement, const char *types, ...)
{
    BerthRows rows;
    va_list values;
    va_start(values, types);
    query_values(tx, &rows, statement, types, values);
    va_end(values);
    bool has_row = berth_rows_next(&rows);
    if (has_row) {
        *ret_text = g_strdup(berth_rows_text(&rows, 0));
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !has_row ? BERTH_ERR_NOT_FOUND : error;
}

json_t *
berth_tx_to_json(BerthTx *tx, int *ret_error, BerthStatement statement, const char *types, ...)
{
    BerthRows rows;
    va_list values;
    va_start(values, types);
    query_values(tx, &rows, statement, types, values);
    va_end(values);
    json_t *array = json_array();
    while (berth_rows_next(&rows)) {
        json_array_append_new(array, berth_rows_to_json(&rows));
    }
    *ret_error = berth_rows_end(&rows);
    if (*ret_error != BERTH_OK) {
        json_decref(array);
        return NULL;
    }
    return array;
}
