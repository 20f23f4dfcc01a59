/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQLite behind connection.h.  A reader of a write-ahead log never waits for the writer.
 */
#include "base/error.h"
#include "base/log.h"
#include "broker/store/connection.h"
#include "broker/store/statement-sql.h"

#include <sqlite3.h>
#include <string.h>

typedef struct {
    BerthTx base;
    sqlite3 *db;
    sqlite3_stmt *filler;
    sqlite3_stmt *statements[BERTH_N_STATEMENTS];
} Connection;

/* How long a connection waits for another process's lock (a check beside a running broker). */
#define BUSY_TIMEOUT_MS 5000

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

static Connection *
connection_of(const BerthTx *tx)
{
    return (Connection *)tx;
}

static int
failed(const Connection *self, int result, const char *what)
{
    int error = error_from_sqlite(result);
    int level = error == BERTH_ERR_EXISTS ? BERTH_LOG_DEBUG : BERTH_LOG_WARNING;
    berth_log(level, "store", "%s: %s", what, sqlite3_errmsg(self->db));
    return error;
}

static int
exec(BerthTx *tx, const char *sql)
{
    Connection *self = connection_of(tx);
    int result = sqlite3_exec(self->db, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? BERTH_OK : failed(self, sqlite3_extended_errcode(self->db), sql);
}

/* SQLite rolls back by itself when the disk is full or broken. */
static bool
is_open(const BerthTx *tx)
{
    return sqlite3_get_autocommit(connection_of(tx)->db) == 0;
}

static int
ensure(BerthTx *tx)
{
    (void)tx;
    return BERTH_OK;
}

static int
begin(BerthTx *tx)
{
    return exec(tx, tx->is_writer ? "BEGIN IMMEDIATE" : "BEGIN");
}

static int
commit(BerthTx *tx)
{
    return exec(tx, "COMMIT");
}

static void
rollback(BerthTx *tx)
{
    if (is_open(tx)) {
        (void)exec(tx, "ROLLBACK");
    }
}

static int
was_committed(BerthTx *tx, bool *ret_is_committed)
{
    (void)tx;
    *ret_is_committed = false;
    return BERTH_OK;
}

static int
job_begin(BerthTx *tx)
{
    return exec(tx, "SAVEPOINT job");
}

static int
job_end(BerthTx *tx, bool is_kept)
{
    int error = is_kept ? BERTH_OK : exec(tx, "ROLLBACK TO job");
    int released = exec(tx, "RELEASE job");
    return error != BERTH_OK ? error : released;
}

static int
set_up(Connection *self)
{
    BerthTx *tx = &self->base;
    sqlite3_extended_result_codes(self->db, 1);
    sqlite3_busy_timeout(self->db, BUSY_TIMEOUT_MS);
    /* A store that was given to us runs none of its own functions. */
    sqlite3_db_config(self->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    int error = exec(tx, "PRAGMA foreign_keys = ON");
    if (error == BERTH_OK && tx->is_writer) {
        error = exec(tx, "PRAGMA journal_mode = WAL");
    }
    if (error == BERTH_OK) {
        error = exec(tx, "PRAGMA synchronous = FULL");
    }
    if (error == BERTH_OK && !tx->is_writer) {
        error = exec(tx, "PRAGMA query_only = ON");
    }
    return error;
}

static void
connection_free(BerthTx *tx)
{
    Connection *self = connection_of(tx);
    for (int i = 0; i < BERTH_N_STATEMENTS; i++) {
        sqlite3_finalize(self->statements[i]);
    }
    sqlite3_finalize(self->filler);
    sqlite3_close(self->db);
    g_free(self);
}

static int
prepare(Connection *self, BerthStatement id, sqlite3_stmt **ret_statement)
{
    if (self->statements[id] == NULL) {
        const char *sql = berth_statement_sql[id];
        int result = sqlite3_prepare_v3(self->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                        &self->statements[id], NULL);
        if (result != SQLITE_OK) {
            return failed(self, result, sql);
        }
    }
    *ret_statement = self->statements[id];
    return BERTH_OK;
}

static int
bind_values(Connection *self, sqlite3_stmt *statement, const char *types, va_list values)
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
    return result == SQLITE_OK ? BERTH_OK : failed(self, result, sqlite3_sql(statement));
}

static void
query(BerthTx *tx, BerthRows *ret_rows, BerthStatement id, const char *types, va_list values)
{
    Connection *self = connection_of(tx);
    sqlite3_stmt *statement = NULL;
    ret_rows->error = prepare(self, id, &statement);
    if (ret_rows->error == BERTH_OK) {
        ret_rows->error = bind_values(self, statement, types, values);
        ret_rows->result = statement;
    }
}

static bool
next(BerthRows *rows)
{
    int result = sqlite3_step(rows->result);
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        const Connection *self = connection_of(rows->tx);
        rows->error = failed(self, sqlite3_extended_errcode(self->db), sqlite3_sql(rows->result));
    }
    return result == SQLITE_ROW;
}

static int
end(BerthRows *rows)
{
    sqlite3_reset(rows->result);
    sqlite3_clear_bindings(rows->result);
    return rows->error;
}

static int
post(BerthTx *tx, BerthStatement id, const char *types, va_list values)
{
    BerthRows rows = { .tx = tx };
    query(tx, &rows, id, types, values);
    if (rows.error == BERTH_OK) {
        (void)next(&rows);
    }
    return rows.result != NULL ? end(&rows) : rows.error;
}

static int64_t
n_changed(const BerthTx *tx)
{
    return sqlite3_changes(connection_of(tx)->db);
}

static int
n_columns(const BerthRows *rows)
{
    return sqlite3_column_count(rows->result);
}

static const char *
column_name(const BerthRows *rows, int column)
{
    return sqlite3_column_name(rows->result, column);
}

static BerthColumnType
column_type(const BerthRows *rows, int column)
{
    switch (sqlite3_column_type(rows->result, column)) {
    case SQLITE_INTEGER:
        return BERTH_COLUMN_INT;
    case SQLITE_NULL:
        return BERTH_COLUMN_NULL;
    default:
        return BERTH_COLUMN_TEXT;
    }
}

static const char *
column_text(const BerthRows *rows, int column)
{
    return (const char *)sqlite3_column_text(rows->result, column);
}

static int64_t
column_number(const BerthRows *rows, int column)
{
    return sqlite3_column_int64(rows->result, column);
}

static int
scan(BerthTx *tx, const char *sql, BerthScanFunc func, void *data)
{
    Connection *self = connection_of(tx);
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(self->db, sql, -1, &statement, NULL);
    if (result != SQLITE_OK) {
        return failed(self, result, sql);
    }
    BerthRows rows = { .tx = tx, .result = statement };
    int error = BERTH_OK;
    while (error == BERTH_OK && next(&rows)) {
        error = func(&rows, data);
    }
    sqlite3_finalize(statement);
    return error != BERTH_OK ? error : rows.error;
}

static int
fill_begin(BerthTx *tx, const char *table, const char *const *columns, int n)
{
    Connection *self = connection_of(tx);
    g_autoptr(GString) sql = g_string_new("INSERT INTO ");
    g_string_append_printf(sql, "%s (", table);
    for (int i = 0; i < n; i++) {
        g_string_append_printf(sql, "%s%s", i > 0 ? ", " : "", columns[i]);
    }
    g_string_append(sql, ") VALUES (");
    for (int i = 0; i < n; i++) {
        g_string_append(sql, i > 0 ? ", ?" : "?");
    }
    g_string_append(sql, ")");
    int result = sqlite3_prepare_v2(self->db, sql->str, -1, &self->filler, NULL);
    return result == SQLITE_OK ? BERTH_OK : failed(self, result, sql->str);
}

static int
fill_row(BerthTx *tx, const BerthRows *from)
{
    Connection *self = connection_of(tx);
    const BerthConnectionClass *class = from->tx->class;
    int n = class->n_columns(from);
    for (int i = 0; i < n; i++) {
        int result = SQLITE_OK;
        BerthColumnType type = class->column_type(from, i);
        if (type == BERTH_COLUMN_INT) {
            result = sqlite3_bind_int64(self->filler, i + 1, class->number(from, i));
        } else if (type == BERTH_COLUMN_TEXT) {
            result =
                sqlite3_bind_text(self->filler, i + 1, class->text(from, i), -1, SQLITE_TRANSIENT);
        }
        if (result != SQLITE_OK) {
            return failed(self, result, sqlite3_sql(self->filler));
        }
    }
    int result = sqlite3_step(self->filler);
    int error = result == SQLITE_DONE
                    ? BERTH_OK
                    : failed(self, sqlite3_extended_errcode(self->db), sqlite3_sql(self->filler));
    sqlite3_reset(self->filler);
    sqlite3_clear_bindings(self->filler);
    return error;
}

static int
fill_end(BerthTx *tx)
{
    Connection *self = connection_of(tx);
    sqlite3_finalize(self->filler);
    self->filler = NULL;
    return BERTH_OK;
}

static int
count_tables(Connection *self, const char *sql, const char *table, int *ret)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(self->db, sql, -1, &statement, NULL);
    if (result == SQLITE_OK) {
        result = sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
    }
    if (result == SQLITE_OK) {
        result = sqlite3_step(statement);
    }
    *ret = result == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
    sqlite3_finalize(statement);
    return result == SQLITE_ROW ? BERTH_OK : failed(self, result, sql);
}

static int
has_table(BerthTx *tx, const char *table)
{
    int n = 0;
    int n_others = 0;
    Connection *self = connection_of(tx);
    int error = count_tables(
        self, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1", table, &n);
    if (error == BERTH_OK && n == 0) {
        error = count_tables(self, "SELECT count(*) FROM sqlite_master WHERE name <> ?1", table,
                             &n_others);
    }
    if (error != BERTH_OK) {
        return error;
    }
    return n > 0 ? 1 : n_others == 0 ? 0 : BERTH_ERR_CORRUPT;
}

/* A reader of a write-ahead log waits for nobody. */
static void
set_prompt(BerthTx *tx)
{
    (void)tx;
}

static void
set_patient(BerthTx *tx)
{
    (void)tx;
}

/* The lock of the broker's folder tells. */
static int
count_others(BerthTx *tx, int64_t *ret)
{
    (void)tx;
    *ret = 0;
    return BERTH_OK;
}

/* BEGIN IMMEDIATE holds everybody off. */
static int
lock_schema(BerthTx *tx)
{
    (void)tx;
    return BERTH_OK;
}

static const BerthConnectionClass sqlite_class = {
    .name = "sqlite",
    .free = connection_free,
    .ensure = ensure,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .is_open = is_open,
    .was_committed = was_committed,
    .job_begin = job_begin,
    .job_end = job_end,
    .query = query,
    .post = post,
    .next = next,
    .end = end,
    .n_changed = n_changed,
    .n_columns = n_columns,
    .column_name = column_name,
    .column_type = column_type,
    .text = column_text,
    .number = column_number,
    .exec = exec,
    .scan = scan,
    .fill_begin = fill_begin,
    .fill_row = fill_row,
    .fill_end = fill_end,
    .has_table = has_table,
    .set_prompt = set_prompt,
    .set_patient = set_patient,
    .count_others = count_others,
    .lock_schema = lock_schema,
};

BerthTx *
berth_connection_open_sqlite(const char *path, bool is_writer, GError **error)
{
    Connection *self = g_new0(Connection, 1);
    self->base.class = &sqlite_class;
    self->base.is_writer = is_writer;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE;
    if (is_writer) {
        flags |= SQLITE_OPEN_CREATE;
    }
    int code = error_from_sqlite(sqlite3_open_v2(path, &self->db, flags, NULL));
    if (code == BERTH_OK) {
        code = set_up(self);
    }
    if (code != BERTH_OK) {
        berth_set_error(error, code, "cannot open the store \"%s\": %s", path,
                        self->db != NULL ? sqlite3_errmsg(self->db) : "no memory");
        connection_free(&self->base);
        return NULL;
    }
    return &self->base;
}
